"""Mistakes of the command line that one can make with every command."""

from tests.integration.wrong.use import Command, WrongUse

SEE = r"see: skerry[a-z -]* --help$"
MANY = "(got unexpected extra arguments?|there is no (command|option))"
"""A command with commands of its own takes a word too many for one of them."""


def line_mistakes(command: Command) -> list[WrongUse]:
    """Give the mistakes of options, words and their order."""
    right, parts = command.right, command.start.split()
    program, last = parts[0], parts[-1]
    head = " ".join(parts[:-1])
    rows = [
        ("an unknown option", f"{right} --fast", "there is no option '--fast' here", SEE),
        (
            "an option in capitals",
            f"{right} --HELP",
            "there is no option '--HELP' here",
            "did you mean '--help'",
        ),
        ("a short option that is none", f"{right} -q", "there is no option '-q' here", SEE),
        ("an option with one dash", f"{right} -json", "there is no option '-j' here", SEE),
        ("a value for the help", f"{right} --help=yes", "option '--help' does not take a value", SEE),
        ("a word too many", f"{right} more", f"{MANY} .*more", SEE),
        ("an option with a word processor's dash", f"{right} \u2013json", f"{MANY} .*\u2013json", SEE),
        ("an option after a double dash", f"{right} -- --fast", f"{MANY}.*--fast", SEE),
        ("an empty word too many", f"{right} ''", MANY, SEE),
        ("a word of control characters", f"{right} '\x1b[31m\n\x07'", rf"{MANY} .*\\x1b", SEE),
        (
            "a mistyped command",
            f"{head} {last[:-1]}x",
            f"there is no command '{last[:-1]}x'",
            f"(did you mean '|it can be .*){last}'",
        ),
        (
            "a command in capitals",
            f"{head} {last.upper()}",
            f"there is no command '{last.upper()}'",
            f"did you mean '{last}'",
        ),
        ("a command that is not there yet", f"{head} witness", "there is no command 'witness'", SEE),
        ("an option for the settings behind the command", *_settings_behind(command)),
    ]
    if command.takes_json:
        before = right.replace(program, f"{program} --json", 1)
        rows += [
            (
                "an option before the command",
                before,
                "there is no option '--json' here",
                "write it after the command",
            ),
            (
                "a mistyped --json",
                f"{right} --jsno",
                "there is no option '--jsno' here",
                "did you mean '--json'",
            ),
            (
                "--json in capitals",
                f"{right} --JSON",
                "there is no option '--JSON' here",
                "did you mean '--json'",
            ),
            ("a value for --json", f"{right} --json=yes", "option '--json' does not take a value", SEE),
        ]
    if command.rest:
        rows += [
            ("nothing behind the command", command.start, "is missing", f"^(write: skerry|add --).*; {SEE}")
        ]
    return [command.wrong(row) for row in rows]


def _settings_behind(command: Command) -> tuple[str, str, str]:
    """Give the words of settings behind the command, the sentence, and what is then advised."""
    program, option = command.start.split()[:2]
    if not option.startswith("--"):
        return f"{command.right} --settings x", "there is no option '--settings' here", SEE
    words = command.start.partition(".toml ")[2]
    what = f"there is no option '{option}' here"
    return (
        f"{program} {words} {command.rest} {option} x.toml",
        what,
        f"^write it before the command: {program} {option} ... {words}; ",
    )
