using System.Management.Automation;

namespace Bayplan.PowerShellHost;

/// <summary>
/// The engine's package lacks the Utility module. This stands in for its Select-Object as far as the page's rows go:
/// properties by name, and -First without ending what is upstream.
/// </summary>
[Cmdlet(VerbsCommon.Select, "Object")]
public sealed class SelectObject : PSCmdlet
{
    [Parameter(Position = 0)] public string[]? Property { get; set; }
    [Parameter] public int First { get; set; } = int.MaxValue;
    [Parameter] public string? ExpandProperty { get; set; }
    [Parameter(ValueFromPipeline = true)] public PSObject? InputObject { get; set; }

    private int count;

    protected override void ProcessRecord()
    {
        if (InputObject is null || count++ >= First) return;
        if (ExpandProperty is not null)
        {
            WriteObject(InputObject.Properties[ExpandProperty]?.Value, true);
            return;
        }
        if (Property is null)
        {
            WriteObject(InputObject);
            return;
        }
        var selected = new PSObject();
        foreach (var name in Property)
        {
            var found = InputObject.Properties[name];
            selected.Properties.Add(new PSNoteProperty(found?.Name ?? name, found?.Value));
        }
        selected.TypeNames.Insert(0, "Selected." + InputObject.BaseObject.GetType().FullName);
        WriteObject(selected);
    }
}
