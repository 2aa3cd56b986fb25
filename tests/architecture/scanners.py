"""What the house rules look for in the text of a file.

Each scanner takes the text and returns what it found; `test_house` puts the checkout's files to it,
and beside that a text in which it must find something. Words that must not stand in a committed
file are written in two parts, so that the scanners do not find themselves.
"""

import ast
import re

MACHINE_FOLDERS = ("work", "root", "tmp", "opt")
INDEX_ADDRESSES = (
    "pypi" + ".org",
    "python" + "hosted.org",
    "anaconda" + ".org",
    "index" + "-url",
    "/sim" + "ple/",
)
UNUSED_WORDS = frozenset(
    plural
    for word in ("site", "client", "manager", "handler", "helper", "util")
    for plural in (word, word + "s")
) | {"party", "parties", "anonymised", "anonymise", "anonymized", "anonymize"}
UNUSED_PHRASES = ("budget_consumed", "consumed_budget")
OBJECT_LOADERS = frozenset({"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"})
CODE_RUNNERS = frozenset({"eval", "exec", "compile", "__import__"})
YAML_LOADERS = frozenset({"load", "load_all", "full_load", "unsafe_load", "Loader", "UnsafeLoader"})
PICKLE_READERS = frozenset({"read_pickle", "to_pickle"})

_FOLDER = rf"/(?:{'|'.join(MACHINE_FOLDERS)})(?![\w-])"
# At the start of a path: after nothing that a path or a name may end with, or in a file address.
_MACHINE_PATH = re.compile(rf"(?:(?<![\w.)}}\]~/-])|(?<=//)){_FOLDER}")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def machine_addresses(text: str) -> list[str]:
    """Absolute paths of somebody's machine, and addresses of package indexes."""
    paths = [match.group() for match in _MACHINE_PATH.finditer(text)]
    return paths + [address for address in INDEX_ADDRESSES if address in text]


def unsafe_code(text: str) -> list[str]:
    """Calls and imports that turn received bytes into objects or code."""
    tree = ast.parse(text)
    yaml_names = _names_of_yaml(tree)
    return [found for node in ast.walk(tree) for found in _unsafe(node, yaml_names)]


def unused_words(text: str) -> list[str]:
    """Names this text defines with a word that the glossary does not use.

    Only definitions count: a library's own words (`flwr.client`, `grpc` and its handlers) cannot be
    chosen here.
    """
    return [name for name in _defined(ast.parse(text)) if _is_unused(name)]


def holds_one_docstring(text: str) -> bool:
    """Whether this module is one docstring and nothing else."""
    tree = ast.parse(text)
    return len(tree.body) == 1 and ast.get_docstring(tree) is not None


def _names_of_yaml(tree: ast.AST) -> set[str]:
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    aliases = [alias for statement in imports for alias in statement.names]
    return {alias.asname or alias.name for alias in aliases if alias.name == "yaml"}


def _unsafe(node: ast.AST, yaml_names: set[str]) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [name.name for name in names if name.name.split(".")[0] in OBJECT_LOADERS]
        case ast.ImportFrom(module=str(module)) if module.split(".")[0] in OBJECT_LOADERS:
            return [module]
        case ast.ImportFrom(module="yaml", names=names):
            return [f"yaml.{name.name}" for name in names if name.name in YAML_LOADERS]
        case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner in yaml_names:
            return [f"yaml.{name}"] if name in YAML_LOADERS else []
        case ast.Attribute(attr=name) if name in PICKLE_READERS:
            return [name]
        case ast.Name(id=name, ctx=ast.Load()) if name in CODE_RUNNERS:
            return [name]
        # NumPy unpickles object arrays when asked to.
        case ast.keyword(arg="allow_pickle", value=value):
            return [] if isinstance(value, ast.Constant) and value.value is False else [str(node.arg)]
        case _:
            return []


def _defined(tree: ast.AST) -> list[str]:
    names: list[str | None] = []
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.append(name)
            case ast.ClassDef(name=name) | ast.arg(arg=name):
                names.append(name)
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                names.append(name)
            case ast.alias(asname=str(name)):
                names.append(name)
            case _:
                pass
    return [name for name in names if name]


def _is_unused(name: str) -> bool:
    words = [word.lower() for word in _WORD.findall(name)]
    joined = "_".join(words)
    return bool(UNUSED_WORDS.intersection(words)) or any(p in joined for p in UNUSED_PHRASES)
