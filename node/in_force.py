"""The rules that a running node obeys: replaced whole when the roster or a paper changes.

spec/roster.md 3 and 4.

* A newer roster holds from the moment at which it is stored; policy and studies are then verified anew,
  with the officer's key of that roster. Where they do not verify, or the centre has left, no papers are in
  force, and every question is refused until that is mended: the old ones would be looser.
* When the custodian asks for it (SIGHUP), all papers are read again. Wrong ones leave the old in force.
* The dictionary is that of the start: the snapshot and the centre's hello are bound to it.
"""

import logging
from threading import Lock
from typing import TypeAlias

from node.belief import belief_of
from node.errors import RulesError
from node.ledger.ledger import Ledger
from node.policy_force import bring_into_force
from node.rules import NoRules, Rules, rules_under
from node.settings import Settings
from protocols.belief import Belief, Shown
from protocols.clock import Clock
from protocols.errors import ProtocolError
from protocols.roster import Roster

_log = logging.getLogger("skerry.node")
Obeyed: TypeAlias = Rules | NoRules


def take_up(settings: Settings, start: Rules, ledger: Ledger, clock: Clock) -> "InForce":
    """Store what the node believes, and obey the papers that verify under it.

    `start` has the dictionary. For the one node that runs on the data folder. Raises RulesError, also where
    the policy is looser than the one that was in force and two officers have not signed it.
    """
    belief = belief_of(settings)
    rules = rules_under(belief.roster, settings, start.dictionary, start.dictionary_text)
    bring_into_force(rules, ledger)
    return InForce(settings, belief, rules, ledger, clock)


class InForce:
    """What is obeyed now. For several threads: who asks for the rules gets one whole set of them."""

    def __init__(
        self, settings: Settings, belief: Belief, rules: Rules, ledger: Ledger, clock: Clock
    ) -> None:
        self._settings = settings
        self._belief = belief
        self._start = rules
        self._rules: Obeyed = rules
        self._ledger = ledger
        self._clock = clock
        self._changing = Lock()

    def rules(self) -> Obeyed:
        """Give the rules of this moment."""
        return self._rules

    @property
    def roster_version(self) -> int:
        """The version of the roster that is believed."""
        return self._belief.roster.version

    @property
    def roster_octets(self) -> bytes:
        """The roster that is believed, as the consortium wrote it."""
        return self._belief.held.octets

    def show(self, octets: bytes, source: str) -> Shown | None:
        """Decide on a roster that somebody brings; None where it must not be believed."""
        with self._changing:
            return self._show(octets, source)

    def reload(self) -> bool:
        """Read all papers again; say whether a newer roster is believed since."""
        with self._changing:
            version = self.roster_version
            try:
                self._show(self._settings.roster.read_bytes(), "file")
            except OSError as error:
                _refused(f"{self._settings.roster} cannot be read ({error.strerror})")
            try:
                self._rules = self._read()
            except RulesError as error:
                _refused(str(error))
            else:
                _log.info("event=papers_in_force roster=%d", self.roster_version)
            return self.roster_version > version

    def _show(self, octets: bytes, source: str) -> Shown | None:
        try:
            shown = self._belief.show(octets, self._clock())
        except ProtocolError as error:
            _log.warning("event=roster_refused source=%s why=%s", source, error)
            return None
        except OSError as error:
            _log.error("event=roster_not_stored source=%s why=%s", source, error.strerror)
            return None
        if shown is Shown.NEWER:
            _log.info("event=roster_believed version=%d source=%s", self.roster_version, source)
            self._under(self._belief.roster)
        elif shown is Shown.OLDER:
            _log.info("event=roster_older source=%s believed=%d", source, self.roster_version)
        return shown

    def _under(self, roster: Roster) -> None:
        """Obey a new roster, with the papers that verify under it, or without any."""
        rules: Obeyed = NoRules(centre=self._start.centre, roster=roster)
        try:
            rules = self._read()
        except RulesError as error:
            _log.error("event=no_papers_in_force roster=%d why=%s", roster.version, error)
        finally:
            # Whatever went wrong, the old ones are over.
            self._rules = rules

    def _read(self) -> Rules:
        start = self._start
        belief, settings = self._belief, self._settings
        rules = rules_under(belief.roster, settings, start.dictionary, start.dictionary_text)
        bring_into_force(rules, self._ledger)
        return rules


def _refused(why: str) -> None:
    """Say that a paper is wrong: public text, of signatures and of files that the officer wrote."""
    _log.warning("event=papers_refused why=%s", why)
