"""`skerry-node policy check`: every problem at once, and in words what a policy allows."""

import re
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest

import deploy.policies
from node.hours import Hours
from node.policy import Policy, SuppressedPolicy, read_policy
from node.policy_check import problems_of
from node.policy_words import Direction, differences, policy_words
from privacy.accountant import epsilon_of, shown_epsilon
from privacy.disclosure import RULES
from privacy.loss import Loss
from protocols.queries import Mode
from tests.node.officer_desk import OfficerDesk, officer_desk
from tests.node.test_policy import PERMISSIVE, STRICT, WRONG

STRICT_FILE = (Path(deploy.policies.__file__).parent / "strict.toml").read_bytes()
SUPPRESSED = (
    STRICT.replace('modes = ["dp"]', 'modes = ["dp", "suppressed"]')
    + '\n[suppressed]\nrule = "cms"\nquestions = 100\nstudy_questions = 40\nunlisted_tables = false\n'
)


@pytest.fixture
def office(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> OfficerDesk:
    return officer_desk(tmp_path, capfd)


def checked(office: OfficerDesk, text: str, *words: str) -> tuple[int, str, str]:
    file = office.desk.folder / "mine.toml"
    file.write_text(text, encoding="utf-8")
    said = office.desk.run("policy", "check", file, *words)
    return said.exit_code, said.stdout, said.stderr


@pytest.mark.parametrize("text", [STRICT, PERMISSIVE, SUPPRESSED])
def test_in_a_right_policy_nothing_is_wrong(text: str) -> None:
    read_policy(text.encode())
    assert problems_of(text.encode(), STRICT_FILE) == ()


@pytest.mark.parametrize("name", list(WRONG))
def test_what_the_node_refuses_has_a_problem(name: str) -> None:
    assert problems_of(WRONG[name].encode(), STRICT_FILE) != ()


KEYS = {
    "modes": 'modes = ["DP"]',
    "scopes": 'scopes = ["everywhere"]',
    "forbidden_fields": 'forbidden_fields = ["bare"]',
    "charged_rounds_per_question": "charged_rounds_per_question = 0",
    "longest_validity_hours": 'longest_validity_hours = "long"',
    "query_rho": "query_rho = 0.05",
    "registry_rho": 'registry_rho = "-1"',
    "study_rho": 'study_rho = "nan"',
    "analyst_rho": 'analyst_rho = "lots"',
    "period_rho": 'period_rho = "-0.1"',
    "period_days": "period_days = 0",
    "hours": 'hours = "08:00-18:00 Europe/Berlinn"',
    "release_tick_ms": "release_tick_ms = -1",
}


def _broken(text: str, keys: dict[str, str]) -> str:
    for key, line in keys.items():
        text, count = re.subn(rf"(?m)^{key} = .*$", line, text)
        assert count == 1
    return text


def test_everything_that_is_wrong_is_said_at_once_each_at_its_line() -> None:
    text = _broken(STRICT, KEYS)
    problems = problems_of(text.encode(), STRICT_FILE)
    lines = text.splitlines()
    found = {lines[one.line - 1].split(" =")[0] for one in problems}
    assert found == set(KEYS)
    assert len(problems) == len(KEYS)


def test_keys_that_lack_and_keys_that_are_unknown_are_said_together() -> None:
    text = re.sub(r"(?m)^(scopes|study_rho) = .*$", "", STRICT) + '\nspare_rho = "1"\n'
    said = [str(one) for one in problems_of(text.encode(), STRICT_FILE)]
    assert len(said) == 3
    for word in ("scopes", "study_rho", "spare_rho"):
        assert any(word in one for one in said), word


def test_the_table_of_mode_suppressed_is_read_key_by_key() -> None:
    text = (
        SUPPRESSED.replace('"cms"', '"cmss"')
        .replace("questions = 100\n", "questions = -1\n")
        .replace("= false", '= "no"')
    )
    said = [str(one) for one in problems_of(text.encode(), STRICT_FILE)]
    assert len(said) == 3
    assert any("'cms'" in one for one in said), "the nearest rule is named"
    assert len(problems_of(SUPPRESSED.split("[suppressed]")[0].encode(), STRICT_FILE)) >= 1
    without_mode = SUPPRESSED.replace('["dp", "suppressed"]', '["dp"]')
    assert len(problems_of(without_mode.encode(), STRICT_FILE)) == 1


# In words


def test_the_words_say_every_cap_as_rho_and_as_epsilon() -> None:
    words = " ".join(policy_words(read_policy(SUPPRESSED.encode())))
    epsilon = shown_epsilon(epsilon_of(Loss.parse("0.05")))
    for part in (
        f"rho 0.05 (epsilon {epsilon} at delta 1e-06)",
        "rho 0.5",
        "rho 0.25",
        "24 hours",
        "2 times",
        "rule cms",
    ):
        assert part in words, part
    for part in ("counts of 1 to 10 patients", "100 questions", "40 in one study", "no differential privacy"):
        assert part in words, part
    assert "no limit" in " ".join(policy_words(read_policy(PERMISSIVE.encode())))


def test_a_policy_is_the_same_as_itself_and_permissive_is_looser_than_strict() -> None:
    strict, permissive = read_policy(STRICT.encode()), read_policy(PERMISSIVE.encode())
    assert differences(strict, strict) == ()
    looser = [one for one in differences(permissive, strict) if one.key.endswith("_rho")]
    assert len(looser) == 5
    assert {one.direction for one in looser} == {Direction.LOOSER}


def _variants() -> list[Policy]:
    base = read_policy(SUPPRESSED.encode())
    assert base.suppressed is not None
    variants = [base]
    variants += [replace(base, query_cap=cap) for cap in (None, Loss(1))]
    variants += [
        replace(base, charged_rounds_per_question=9),
        replace(base, longest_validity=timedelta(hours=1)),
    ]
    variants += [replace(base, period_cap=cap, period_days=days) for cap, days in ((Loss(9), 7), (None, 30))]
    variants += [replace(base, release_tick_ms=tick) for tick in (0, 60_000)]
    variants += [replace(base, hours=Hours.parse(f"{one} UTC")) for one in ("08:00-12:00", "09:00-13:00")]
    variants += [
        replace(base, forbidden_fields=frozenset(names)) for names in (["a.b"], ["c.d"], ["a.b", "c.d"])
    ]
    variants += [replace(base, modes=frozenset([Mode.DP]), suppressed=None)]
    rules = (RULES["five"], RULES["opensafely"])
    variants += [replace(base, suppressed=replace(base.suppressed, rule=rule)) for rule in rules]
    open_one: SuppressedPolicy = replace(base.suppressed, unlisted_tables=True, questions=1)
    return [*variants, replace(base, suppressed=open_one)]


def test_what_is_stricter_one_way_is_looser_the_other_way() -> None:
    opposite = {
        Direction.STRICTER: Direction.LOOSER,
        Direction.LOOSER: Direction.STRICTER,
        Direction.DIFFERENT: Direction.DIFFERENT,
    }
    seen = set()
    for one, other in product(_variants(), repeat=2):
        forth = {each.key: each for each in differences(one, other)}
        back = {each.key: each for each in differences(other, one)}
        assert forth.keys() == back.keys()
        assert (forth == {}) is (one == other)
        for key, each in forth.items():
            assert back[key].direction is opposite[each.direction]
            assert (back[key].here, back[key].there) == (each.there, each.here)
            seen.add(each.direction)
    assert seen == set(Direction)


# The command


def test_a_right_policy_is_told_in_words_beside_strict_and_the_one_in_force(office: OfficerDesk) -> None:
    exit_code, out, _ = checked(office, SUPPRESSED)
    assert exit_code == 0
    assert "is not signed yet" in out
    assert "Beside the policy strict:" in out
    assert "modes: looser: dp, suppressed; there dp" in out
    assert "Beside the policy in force:" in out
    assert "query_rho: stricter" in out
    in_force = (office.desk.folder / "policy.toml").read_text(encoding="utf-8")
    _, out, _ = checked(office, in_force)
    assert "bears a signature of" in out
    assert "Beside the policy in force: the same" in out


def test_every_problem_is_on_a_line_of_its_own_with_its_place(office: OfficerDesk) -> None:
    text = _broken(STRICT, KEYS)
    exit_code, out, err = checked(office, text)
    assert (exit_code, out) == (2, "")
    assert err.count("policy: ") == err.count(" line ") == len(KEYS)
    line = text.splitlines().index('analyst_rho = "lots"') + 1
    assert f"line {line}: policy: budget: 'analyst_rho'" in err


def test_a_forbidden_field_that_is_none_forbids_nothing_and_is_said(office: OfficerDesk) -> None:
    text = STRICT.replace("forbidden_fields = []", 'forbidden_fields = ["people.agee", "people.sex", "x.y"]')
    exit_code, _, err = checked(office, text)
    assert exit_code == 2
    assert err.count("which is no field of the registry") == 2
    assert "'people.age'" in err, "the nearest name is named"
    (office.desk.folder / "policy.toml").rename(office.desk.folder / "away.toml")
    exit_code, out, _ = checked(office, text)
    assert (exit_code, "Not held against a policy in force" in out) == (0, True)


def test_the_json_says_the_same(office: OfficerDesk) -> None:
    file = office.desk.folder / "mine.toml"
    file.write_text(SUPPRESSED, encoding="utf-8")
    tree = office.desk.run("policy", "check", file, "--json").json
    assert tree["format"] == "skerry.policy-check/1"
    assert (tree["is_valid"], tree["signed_by"], tree["not_compared"]) == (True, [], "")
    assert tree["compared"].keys() == {"strict", "in force"}
    file.write_text(_broken(STRICT, KEYS), encoding="utf-8")
    tree = office.desk.run("policy", "check", file, "--json").json
    assert len(tree["problems"]) == len(KEYS)


USES = {
    "no file": ((), "FILE"),
    "a file that is not there": (("nowhere.toml",), "cannot be read"),
    "a folder": ((".",), "cannot be read"),
    "an unknown option": (("x.toml", "--fix"), "--fix"),
}


@pytest.mark.parametrize("name", list(USES))
def test_a_wrong_use_is_one_sentence(office: OfficerDesk, name: str) -> None:
    words, says = USES[name]
    said = office.desk.run("policy", "check", *words)
    assert said.exit_code == 2
    assert says in said.stderr


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"modes = [", b"x = 1\n# skerry-signature: a b\nmore"])
def test_bytes_that_are_no_policy_are_said_in_one_sentence(office: OfficerDesk, content: bytes) -> None:
    file = office.desk.folder / "mine.toml"
    file.write_bytes(content)
    said = office.desk.run("policy", "check", file)
    assert (said.exit_code, said.stdout) == (2, "")
    assert "is wrong: " in said.stderr
    assert "also" not in said.stderr
