"""The manual's pages about steps, printed from the registry so that they cannot drift."""

from droidrack.core.provision.fields import Field
from droidrack.core.provision.registry import STEP_TYPES
from droidrack.core.provision.steptype import StepType

PRINTED = "<!-- Printed from droidrack.core.provision.registry; a test keeps it so. -->"


def step_page(kind: StepType) -> str:
    """One type's page in Markdown."""
    lines = [PRINTED, "", f"# `{kind.name}`: {kind.title}", "", kind.text, ""]
    if kind.fields:
        lines += ["| key | holds | meaning | default |", "|---|---|---|---|"]
        lines += [_row(field) for field in kind.fields]
    else:
        lines.append("It has no keys of its own.")
    example = ["[[steps]]", f'name = "{kind.name}-1"', f'type = "{kind.name}"']
    example += [line for line in kind.example.splitlines() if line]
    lines += ["", "```toml", *example, "```", ""]
    lines.append(f"**Done when:** {kind.proof}.")
    if kind.breaks:
        lines += ["", f"**Where it breaks:** {kind.breaks}"]
    lines += ["", f"Deadline {kind.deadline_s:g} s, risk {kind.risk.value}, {_repeat(kind)}."]
    return "\n".join(lines) + "\n"


def _row(field: Field) -> str:
    default = "required" if field.required else _shown(field.default)
    return f"| `{field.name}` | {field.kind.expected} | {field.text} | {default} |"


def _shown(value: object) -> str:
    if value is None:
        return "left out"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def _repeat(kind: StepType) -> str:
    if kind.once:
        return "never repeated in doubt"
    return "in every run, changes nothing" if kind.keeps else "safe to repeat"


def index_page() -> str:
    """The list of all types."""
    rows = [f"| [`{k.name}`]({k.name}.md) | {k.title} |" for k in STEP_TYPES.values()]
    head = [PRINTED, "", "# Types of steps", "", "| type | what it does |", "|---|---|"]
    return "\n".join([*head, *rows]) + "\n"


def pages() -> dict[str, str]:
    """Every page by its file name."""
    return {"README.md": index_page()} | {f"{k.name}.md": step_page(k) for k in STEP_TYPES.values()}
