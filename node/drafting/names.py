"""What the name of a column suggests: that it says who a patient is, or that it numbers patients. Pure.

A suggestion errs on the side of the patient: what is wrongly taken for an identifier is not stored, and a
person puts it right. The words are English, with German and French ones of the forms we have seen.
"""

import re

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+|\d+")
_IDENTITY = frozenset(
    [
        "surname",
        "lastname",
        "firstname",
        "forename",
        "givenname",
        "familyname",
        "fullname",
        "patientname",
        "vorname",
        "nachname",
        "familienname",
        "prenom",
        "initials",
        "initialen",
        "address",
        "adresse",
        "street",
        "strasse",
        "anschrift",
        "phone",
        "telephone",
        "telefon",
        "telefonnummer",
        "tel",
        "mobile",
        "handy",
        "fax",
        "email",
        "mail",
        "dob",
        "birthdate",
        "birthday",
        "birthyear",
        "dateofbirth",
        "yearofbirth",
        "yob",
        "geburtsdatum",
        "geburtstag",
        "geburtsjahr",
        "naissance",
        "ssn",
        "nhs",
        "nhsnumber",
        "mrn",
        "kvnr",
        "insurance",
        "passport",
        "postcode",
        "postalcode",
        "zip",
        "zipcode",
        "plz",
        "photo",
        "photograph",
        "mugshot",
        "signature",
        "url",
        "website",
        "twitter",
        "ip",
        "ipaddress",
        "contact",
    ]
)
_PERSON = frozenset(
    [
        "first",
        "last",
        "given",
        "family",
        "middle",
        "maiden",
        "full",
        "sur",
        "patient",
        "person",
        "doctor",
        "physician",
    ]
)
_OF_BIRTH = frozenset(["date", "day", "year", "dat", "jahr", "datum"])
_PATIENT_NUMBER = re.compile(
    r"(study)?(patient|patienten|pat|subject|subj|participant|person|proband|probanden|pseudonym|pseudo)"
    r"(id|ident|identifier|no|nr|num|number|nummer|code|key|uid)?"
    r"|pid|usubjid|(case|record|study|screening)(id|no|nr|num|number|nummer|code)|fallnummer|seqn|mrn"
)
_NUMBER = frozenset(["id", "uid", "uuid", "nr", "no", "number", "nummer", "identifier"])


def _words(name: str) -> list[str]:
    return [word.casefold() for word in _WORDS.findall(name)]


def names_identity(name: str) -> bool:
    """Whether a column of this name says who a patient is: a name, an address, a date of birth."""
    words = _words(name)
    joined = "".join(word for word in words if not word.isdigit())
    if joined in _IDENTITY or joined in {"name", "names", "nom"} or _IDENTITY & set(words):
        return True
    if "birth" in words and (_OF_BIRTH & set(words) or joined == "birth"):
        return True
    return "name" in words and bool(_PERSON & set(words))


def mentions_name(name: str) -> bool:
    """Whether the word `name` is in it, perhaps of a drug or a hospital."""
    return "name" in _words(name)


def rank_as_key(name: str) -> int | None:
    """Say how well a name fits the number of a patient: 0 best, 2 worst; None where it does not."""
    words = _words(name)
    joined = "".join(word for word in words if not word.isdigit())
    if _PATIENT_NUMBER.fullmatch(joined):
        return 0
    if joined in _NUMBER:
        return 1
    return 2 if words and words[-1] in _NUMBER else None
