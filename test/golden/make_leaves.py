#!/usr/bin/env python3
"""Computes the leaves of leaves.json by code that shares nothing with src/seal.

The lines were printed by PostgreSQL 18 from hostile rows. Run it after adding a line or a salt:

    python3 test/golden/make_leaves.py            writes leaves.json again
    python3 test/golden/make_leaves.py --check    exit code 1 where it would change
"""
import hashlib
import json
import pathlib
import re
import sys

FILE = pathlib.Path(__file__).with_name("leaves.json")
STRING = r'"(?:[^"\\]|\\.)*"'
# A line of an export, read by the grammar of JSON strings and not by looking for keys.
LINE = re.compile(
    r'\{"seq":(?P<seq>\d+),"id":(?P<id>S),"occurred_at":(?P<occurred_at>S),"logged_at":(?P<logged_at>S)'
    r',"written_by":(?P<written_by>S),"event_id":(?P<event_id>S|null),"action":(?P<action>S)'
    r',"entity_type":(?P<entity_type>S|null),"outcome":(?P<outcome>S|null)'
    r',"actor_kind":(?P<actor_kind>S|null),"user_id":(?P<user_id>S|null),"actor_id":(?P<actor_id>S|null)'
    r',"target_id":(?P<target_id>S|null),"more_targets":(?P<more_targets>\[S(?:,S)*\]|null)'
    r',"request_id":(?P<request_id>S|null),"metadata":(?P<metadata>\{(?:S|[^"])*\})'
    r',"context":(?P<context>\{(?:S|[^"])*\}),"recorder_id":(?P<recorder_id>S|null)'
    r',"recorder_seq":(?P<recorder_seq>\d+|null)\}'.replace("S", STRING)
)
USUAL = ("user_id", "target_id", "request_id", "metadata", "context")
RARE = ("actor_id", "more_targets")


def field_salt(row_salt, field):
    fields, suffix = (USUAL, b"") if field in USUAL else (RARE, b"\x01")
    at = 12 * fields.index(field)
    return hashlib.sha512(row_salt + suffix).digest()[at : at + 12]


def commitment(salt, field, value):
    return hashlib.sha256(salt + field.encode() + b"=" + value.encode()).hexdigest()


def leaf_text(line, row_salt):
    found = LINE.fullmatch(line)
    if not found:
        sys.exit(f"no line of an export: {line[:80]}")
    parts = ['"v":1']
    for key, value in found.groupdict().items():
        if key in USUAL + RARE and value != "null":
            value = f'"{commitment(field_salt(row_salt, key), key, value)}"'
        parts.append(f'"{key}":{value}')
    return "{" + ",".join(parts) + "}"


def leaf(text):
    return hashlib.sha256(b"\x00" + text.encode()).hexdigest()


def erased(entry, fields):
    """The same entry after the fields were erased: what stays, and what opens it."""
    row_salt = bytes.fromhex(entry["salt"])
    found = LINE.fullmatch(entry["line"])
    line, opening = entry["line"], {}
    for key in ("user_id", "actor_id", "target_id", "more_targets", "request_id", "metadata", "context"):
        value = found[key]
        if value == "null":
            continue
        salt = field_salt(row_salt, key)
        if key not in fields:
            opening[key] = {"salt": salt.hex()}
            continue
        opening[key] = {"erased": commitment(salt, key, value)}
        empty = "{}" if key in ("metadata", "context") else "null"
        line = line.replace(f'"{key}":{value},', f'"{key}":{empty},', 1)
    return {"of": entry["name"], "fields": fields, "line": line, "opening": opening, "leaf": entry["leaf"]}


def main():
    golden = json.loads(FILE.read_text())
    entries = []
    for at, entry in enumerate(golden["entries"]):
        salt = entry.get("salt") or hashlib.sha256(f"salt {at}".encode()).hexdigest()[:32]
        text = leaf_text(entry["line"], bytes.fromhex(salt))
        entries.append({**entry, "salt": salt, "text": text, "leaf": leaf(text)})
    by_name = {entry["name"]: entry for entry in entries}
    missing = [{"seq": seq, "text": text, "leaf": leaf(text)} for seq in (1, 9007199254740991)
               for text in (f'{{"v":1,"seq":{seq},"missing":true}}',)]
    made = {
        "entries": entries,
        "erased": [
            erased(by_name["every field"], fields)
            for fields in (["user_id"], ["actor_id", "more_targets"], ["metadata"], ["context", "request_id"],
                           ["user_id", "actor_id", "target_id", "more_targets", "request_id", "metadata", "context"])
        ] + [erased(by_name["only a user"], ["user_id"]), erased(by_name["nothing but what must be"], ["metadata"])],
        "missing": missing,
    }
    if "--check" in sys.argv:
        sys.exit(0 if made == golden else "leaves.json is not what this program makes")
    FILE.write_text(json.dumps(made, indent=1, ensure_ascii=True) + "\n")


main()
