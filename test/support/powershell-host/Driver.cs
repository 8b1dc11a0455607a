using System.Collections.ObjectModel;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Bayplan.PowerShellHost;

/// <summary>What is to be typed, where (in a remote session at this end with `near`), and what is answered when it asks.</summary>
public sealed record Request(
    string? Open, string? Pipe, string? Close, string? Script, string? Session, string[]? Answers, int? Columns, bool Values, bool Near, bool Stop);

/// <summary>
/// Answers requests one after the other. `open` makes a session (a runspace here, or with `pipe` one in another process),
/// `script` is typed into one, `close` ends one, `stop` is Ctrl-C for what runs now.
/// </summary>
public static class Driver
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNameCaseInsensitive = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };
    private static readonly Dictionary<string, Session> Sessions = [];
    private static volatile PowerShell? running;

    public static int Run()
    {
        // The module's own children write to our stdout's place only through pipes; nobody else may.
        var output = Console.Out;
        var requests = new System.Collections.Concurrent.BlockingCollection<Request>();
        var reader = new Thread(() =>
        {
            while (Console.In.ReadLine() is { } line)
            {
                var request = JsonSerializer.Deserialize<Request>(line, Json)!;
                if (request.Stop) running?.BeginStop(null, null);
                else requests.Add(request);
            }
            requests.CompleteAdding();
        })
        { IsBackground = true };
        reader.Start();
        foreach (var request in requests.GetConsumingEnumerable())
        {
            JsonObject answer;
            try
            {
                answer = Answer(request);
            }
            catch (Exception error)
            {
                answer = new JsonObject { ["fault"] = error.ToString() };
            }
            output.WriteLine(answer.ToJsonString());
            output.Flush();
        }
        // The far end may have gone before us, and to say good-bye to it would take minutes.
        Task.Run(() =>
        {
            foreach (var session in Sessions.Values) session.Dispose();
        }).Wait(3000);
        Environment.Exit(0);
        return 0;
    }

    private static JsonObject Answer(Request request)
    {
        if (request.Open is { } name)
        {
            Sessions.Add(name, new Session(request.Pipe));
            return [];
        }
        if (request.Close is { } ended)
        {
            if (Sessions.Remove(ended, out var session)) session.Dispose();
            return [];
        }
        return Sessions[request.Session ?? "main"].Type(request, shell => running = shell);
    }
}

/// <summary>A runspace with its console.</summary>
public sealed class Session : IDisposable
{
    private readonly ConsoleHost console = new();
    private readonly Runspace local;
    private readonly Runspace? remote;

    public Session(string? pipe)
    {
        var state = InitialSessionState.CreateDefault2();
        state.Commands.Add(new SessionStateCmdletEntry("Select-Object", typeof(SelectObject), null));
        state.Commands.Add(new SessionStateAliasEntry("select", "Select-Object"));
        // Windows PowerShell's blocks, as on the page; PowerShell 7 has them under this name.
        state.Variables.Add(new SessionStateVariableEntry("ErrorView", "NormalView", null));
        local = RunspaceFactory.CreateRunspace(console, state);
        local.Open();
        if (pipe is null) return;
        remote = RunspaceFactory.CreateRunspace(new ConsoleHost(console), new NamedPipeConnectionInfo(pipe, 10_000));
        remote.Open();
    }

    /// <summary>Types a script as at a prompt. What the far end of a remote session answers is formatted here, as Enter-PSSession does.</summary>
    public JsonObject Type(Request request, Action<PowerShell?> running)
    {
        console.Begin(request.Answers ?? [], request.Columns ?? 120);
        var values = new JsonArray();
        var failed = false;
        var far = request.Near ? null : remote;
        using var shell = PowerShell.Create(far ?? local);
        // A plain script, not AddCommand: errors must point at what was typed.
        shell.AddScript(request.Script ?? "");
        shell.Commands.Commands[0].MergeMyResults(PipelineResultTypes.Error, PipelineResultTypes.Output);
        running(shell);
        try
        {
            if (request.Values)
            {
                foreach (var value in shell.Invoke()) values.Add(Values.ToJson(value));
            }
            else if (far is null)
            {
                shell.AddCommand("Out-Default");
                shell.Invoke();
            }
            else
            {
                using var answers = new PSDataCollection<PSObject>();
                // The far end's warnings and progress come through the host, its errors by its own stream.
                shell.Streams.Error.DataAdding += (_, added) => answers.Add(new PSObject(added.ItemAdded));
                var typed = shell.BeginInvoke<PSObject, PSObject>(null, answers);
                var show = Task.Run(() =>
                {
                    using var format = PowerShell.Create(local);
                    format.AddCommand("Out-Default").Invoke(answers);
                });
                try
                {
                    shell.EndInvoke(typed);
                }
                finally
                {
                    answers.Complete();
                    show.Wait();
                }
            }
        }
        catch (PipelineStoppedException)
        {
            failed = true;
        }
        catch (RuntimeException error)
        {
            failed = true;
            using var format = PowerShell.Create(local);
            format.AddCommand("Out-Default").AddParameter("InputObject", error.ErrorRecord).Invoke();
        }
        finally
        {
            running(null);
        }
        var answer = console.End();
        answer["state"] = shell.InvocationStateInfo.State.ToString();
        answer["failed"] = failed;
        if (request.Values) answer["values"] = values;
        return answer;
    }

    public void Dispose()
    {
        remote?.Dispose();
        local.Dispose();
    }
}

internal static class Values
{
    /// <summary>A value as JSON: scalars as they are, lists, hashtables and objects' properties; the rest as text.</summary>
    public static JsonNode? ToJson(object? value, int depth = 0)
    {
        var plain = value is PSObject wrapped && wrapped.BaseObject is not PSCustomObject ? wrapped.BaseObject : value;
        switch (plain)
        {
            case null:
                return null;
            case string text:
                return JsonValue.Create(text);
            case bool flag:
                return JsonValue.Create(flag);
            case int or long or double or uint or ulong or short or byte:
                return JsonValue.Create(Convert.ToDouble(plain));
            case System.Collections.IDictionary table:
                var entries = new JsonObject();
                foreach (System.Collections.DictionaryEntry entry in table) entries[entry.Key.ToString()!] = ToJson(entry.Value, depth + 1);
                return entries;
            case System.Collections.IEnumerable list:
                var items = new JsonArray();
                foreach (var item in list) items.Add(ToJson(item, depth + 1));
                return items;
            case PSObject custom when depth < 6:
                var properties = new JsonObject();
                foreach (var property in custom.Properties) properties[property.Name] = ToJson(property.Value, depth + 1);
                return properties;
            default:
                return JsonValue.Create(plain.ToString());
        }
    }
}
