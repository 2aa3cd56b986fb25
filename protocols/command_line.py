"""The words of a command line: what is wrong with them and what to write instead, and how help is shown.

Click finds the mistake; here it is said as everything else is said (spec/commands.md). An option that
stands in the wrong place is the commonest mistake of a program whose settings stand before its commands.
"""

import click

from protocols.documents import nearest, shown


def wrong_words(error: click.ClickException, program: str) -> tuple[str, str]:
    """Give the sentence and the next step of click's error."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is None:
        return _sentence(error), f"see: {program} --help"
    what, advice = _told(error, context)
    see = f"see: {context.command_path} --help"
    return what, f"{advice}; {see}" if advice else see


def _told(error: click.ClickException, context: click.Context) -> tuple[str, str]:
    # Click tells an unknown command by an error of its own only since 8.4.
    command = getattr(error, "command_name", None)
    if isinstance(error, click.NoSuchOption):
        option = error.option_name
        return f"there is no option {shown(option)} here", _place(option, context) or _meant(option, context)
    if command is not None:
        return f"there is no command {shown(command)}", nearest(command, _commands(context))
    if isinstance(error, click.MissingParameter) and error.param is not None:
        return _missing(error.param, context)
    if type(error) is click.UsageError:  # a word too many
        return _sentence(error), f"write: {_usage(context)}"
    return _sentence(error), ""


def _missing(what: click.Parameter, context: click.Context) -> tuple[str, str]:
    name = what.get_error_hint(context).strip("'")
    if isinstance(what, click.Option):
        return f"the option {name} is missing", f"add {name} {what.make_metavar(context)}"
    return f"{name} is missing", f"write: {_usage(context)}"


def _sentence(error: click.ClickException) -> str:
    """Write click's sentence as ours: no capital, no full stop."""
    text = error.format_message().strip().rstrip(".")
    text = text.replace("is not a valid integer range", "is not a whole number")
    text = text.replace("is not a valid integer", "is not a whole number")
    return text[:1].lower() + text[1:]


def _usage(context: click.Context) -> str:
    return " ".join([context.command_path, *context.command.collect_usage_pieces(context)])


def _meant(option: str, context: click.Context) -> str:
    return nearest(option, [one for one in _options(context.command) if one.startswith("--")])


def _place(option: str, context: click.Context) -> str:
    """Say where an option belongs that another part of the command line takes; nothing when none does."""
    above = context.parent
    while above is not None:
        if option in _options(above.command):
            rest = context.command_path.removeprefix(above.command_path).strip()
            return f"write it before the command: {above.command_path} {option} ... {rest}"
        above = above.parent
    return "write it after the command" if option in _below(context.command) else ""


def _options(command: click.Command) -> list[str]:
    options = [name for one in command.params if isinstance(one, click.Option) for name in one.opts]
    return [*options, "--help"]


def _commands(context: click.Context) -> list[str]:
    return list(context.command.commands) if isinstance(context.command, click.Group) else []


def _below(command: click.Command) -> set[str]:
    """Give the options of all commands of a group."""
    below = command.commands.values() if isinstance(command, click.Group) else ()
    return {name for one in below for name in (*_options(one), *_below(one))}


def let_help_flow(command: click.Command) -> None:
    """Let the help of a command and of those below it take the terminal's width.

    Typer's own lines end where the docstring's do; only a paragraph that begins with a backspace is meant
    to keep its lines.
    """
    command.help = "\n\n".join(_paragraph(one) for one in (command.help or "").split("\n\n")) or None
    for one in command.commands.values() if isinstance(command, click.Group) else ():
        let_help_flow(one)


def _paragraph(text: str) -> str:
    return text.removeprefix("\b\n") if text.startswith("\b") else " ".join(text.split("\n"))
