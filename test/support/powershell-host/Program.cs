// A PowerShell for the tests: the real engine (parser, binder, pipeline, formatter, help, modules, remoting) with a console
// that is driven by lines of JSON.
//
//   powershell-host run          one request a line on stdin, one answer a line on stdout; ends with stdin
//   powershell-host serve PIPE   the far end of remote sessions: waits on the named pipe until stdin ends
using System.Management.Automation.Remoting;
using Bayplan.PowerShellHost;

switch (args)
{
    case ["run"]:
        return Driver.Run();
    case ["serve", var pipe]:
        RemoteSessionNamedPipeServer.CreateCustomNamedPipeServer(pipe);
        Console.Out.WriteLine("ready");
        Console.Out.Flush();
        while (Console.In.ReadLine() is not null) { }
        return 0;
    // As Start-Job starts a PowerShell: the engine's own loop, which its console calls and which is not public.
    case var words when words.Contains("-s"):
        var mediator = typeof(RemoteSessionNamedPipeServer).Assembly.GetType("System.Management.Automation.Remoting.Server.StdIOProcessMediator")!;
        var run = mediator.GetMethod("Run", System.Reflection.BindingFlags.Static | System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Public)!;
        run.Invoke(null, [.. run.GetParameters().Select(one => one.ParameterType == typeof(string) ? (object?)null : false)]);
        return 0;
    default:
        Console.Error.WriteLine("usage: powershell-host run | serve PIPE");
        return 2;
}
