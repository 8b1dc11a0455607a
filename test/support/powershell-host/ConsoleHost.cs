using System.Collections.ObjectModel;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Bayplan.PowerShellHost;

/// <summary>A console that is a string: what would stand on the screen, with answers taken from a list.</summary>
public sealed class ConsoleHost : PSHost
{
    private readonly ConsoleInterface console;

    public ConsoleHost() => console = new();

    /// <summary>A further host of the same console.</summary>
    public ConsoleHost(ConsoleHost other) => console = other.console;

    public override string Name => "BayplanTestHost";
    public override Version Version => new(1, 0);
    public override Guid InstanceId { get; } = Guid.NewGuid();
    public override CultureInfo CurrentCulture => CultureInfo.GetCultureInfo("en-US");
    public override CultureInfo CurrentUICulture => CultureInfo.GetCultureInfo("en-US");
    public override PSHostUserInterface UI => console;
    public override void EnterNestedPrompt() => throw new NotSupportedException();
    public override void ExitNestedPrompt() => throw new NotSupportedException();
    public override void NotifyBeginApplication() { }
    public override void NotifyEndApplication() { }
    public override void SetShouldExit(int exitCode) { }

    internal void Begin(string[] answers, int columns) => console.Begin(answers, columns);
    internal JsonObject End() => console.End();
}

internal sealed class ConsoleInterface : PSHostUserInterface
{
    private static readonly Regex Colours = new("\x1b\\[[0-9;]*m");

    private readonly StringBuilder screen = new();
    private readonly Queue<string> answers = new();
    private readonly JsonArray progress = [];
    private readonly ConsoleRaw raw = new();
    private readonly Lock turn = new();

    public override PSHostRawUserInterface RawUI => raw;
    public override bool SupportsVirtualTerminal => false;

    internal void Begin(string[] given, int columns)
    {
        lock (turn)
        {
            screen.Clear();
            progress.Clear();
            answers.Clear();
            foreach (var answer in given) answers.Enqueue(answer);
            raw.Columns = columns;
        }
    }

    internal JsonObject End()
    {
        lock (turn) return new JsonObject { ["text"] = screen.ToString(), ["progress"] = progress.DeepClone(), ["unasked"] = answers.Count };
    }

    private void Put(string text)
    {
        // PowerShell 7 colours headers; 5.1 does not.
        lock (turn) screen.Append(Colours.Replace(text, ""));
    }

    public override void Write(string value) => Put(value);
    public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value) => Put(value);
    public override void WriteLine(string value) => Put(value + "\n");
    public override void WriteErrorLine(string value) => Put(value + "\n");
    public override void WriteDebugLine(string message) => Put("DEBUG: " + message + "\n");
    public override void WriteVerboseLine(string message) => Put("VERBOSE: " + message + "\n");
    public override void WriteWarningLine(string message) => Put("WARNING: " + message + "\n");

    public override void WriteProgress(long sourceId, ProgressRecord record)
    {
        lock (turn)
            progress.Add(new JsonObject
            {
                ["id"] = record.ActivityId,
                ["activity"] = record.Activity,
                ["status"] = record.StatusDescription,
                ["percent"] = record.PercentComplete,
                ["done"] = record.RecordType == ProgressRecordType.Completed,
            });
    }

    private string Answer()
    {
        lock (turn)
        {
            // A test that forgot an answer must fail, not wait.
            if (answers.Count == 0) throw new PSInvalidOperationException("The test gave no answer to this question.");
            var answer = answers.Dequeue();
            screen.Append(answer).Append('\n');
            return answer;
        }
    }

    public override string ReadLine() => Answer();

    public override SecureString ReadLineAsSecureString()
    {
        var secret = new SecureString();
        foreach (var letter in Answer()) secret.AppendChar(letter);
        return secret;
    }

    public override Dictionary<string, PSObject> Prompt(string caption, string message, Collection<FieldDescription> descriptions)
    {
        if (!string.IsNullOrEmpty(caption)) Put("\n" + caption + "\n");
        if (!string.IsNullOrEmpty(message)) Put(message + "\n");
        var result = new Dictionary<string, PSObject>();
        foreach (var field in descriptions)
        {
            Put(field.Name + ": ");
            result[field.Name] = new PSObject(Answer());
        }
        return result;
    }

    public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice)
    {
        if (!string.IsNullOrEmpty(caption)) Put("\n" + caption + "\n");
        if (!string.IsNullOrEmpty(message)) Put(message + "\n");
        var keys = choices.Select(choice => Key(choice.Label)).ToList();
        while (true)
        {
            for (var index = 0; index < choices.Count; index++) Put($"[{keys[index]}] {choices[index].Label.Replace("&", "")}  ");
            Put("[?] Help");
            Put(defaultChoice >= 0 ? $" (default is \"{keys[defaultChoice]}\"): " : ": ");
            var answer = Answer().Trim();
            if (answer.Length == 0 && defaultChoice >= 0) return defaultChoice;
            if (answer == "?")
            {
                for (var index = 0; index < choices.Count; index++) Put($"{keys[index]} - {choices[index].HelpMessage}\n");
                continue;
            }
            for (var index = 0; index < choices.Count; index++)
                if (string.Equals(answer, keys[index], StringComparison.OrdinalIgnoreCase) || string.Equals(answer, choices[index].Label.Replace("&", ""), StringComparison.OrdinalIgnoreCase))
                    return index;
        }
    }

    private static string Key(string label)
    {
        var mark = label.IndexOf('&');
        return mark >= 0 && mark + 1 < label.Length ? label[mark + 1].ToString().ToUpperInvariant() : label;
    }

    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName) =>
        throw new NotSupportedException();

    public override PSCredential PromptForCredential(
        string caption, string message, string userName, string targetName, PSCredentialTypes allowedCredentialTypes, PSCredentialUIOptions options) =>
        throw new NotSupportedException();
}

internal sealed class ConsoleRaw : PSHostRawUserInterface
{
    internal int Columns { get; set; } = 120;

    public override ConsoleColor BackgroundColor { get; set; } = ConsoleColor.Black;
    public override ConsoleColor ForegroundColor { get; set; } = ConsoleColor.Gray;
    public override Size BufferSize { get => new(Columns, 3000); set { } }
    public override Coordinates CursorPosition { get; set; }
    public override int CursorSize { get; set; } = 25;
    public override bool KeyAvailable => false;
    public override Size MaxPhysicalWindowSize => new(Columns, 50);
    public override Size MaxWindowSize => new(Columns, 50);
    public override Coordinates WindowPosition { get; set; }
    public override Size WindowSize { get => new(Columns, 50); set { } }
    public override string WindowTitle { get; set; } = "";
    public override void FlushInputBuffer() { }
    public override BufferCell[,] GetBufferContents(Rectangle rectangle) => new BufferCell[0, 0];
    public override KeyInfo ReadKey(ReadKeyOptions options) => throw new NotSupportedException();
    public override void ScrollBufferContents(Rectangle source, Coordinates destination, Rectangle clip, BufferCell fill) { }
    public override void SetBufferContents(Coordinates origin, BufferCell[,] contents) { }
    public override void SetBufferContents(Rectangle rectangle, BufferCell fill) { }
}
