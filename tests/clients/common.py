"""What the clients share: the sandbox that they are held against, and how a difference is told."""

import json
import os
import sys
import urllib.error
import urllib.request

SANDBOX = json.loads(os.environ["SANDBOX"])
SCOPE = "https://graph.microsoft.com/.default"
GRAPH = SANDBOX["graph_url"] + "/v1.0"
AUTHORITY = f"{SANDBOX['login_url']}/{SANDBOX['tenant_id']}"
FIXTURES = os.path.join(os.path.dirname(__file__), "..", "fixtures", "certificate")


def control(method, path, body=None):
    """Asks the control API; returns what it answers."""
    request = urllib.request.Request(
        f"{SANDBOX['control_url']}/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request) as answer:
            text = answer.read()
    except urllib.error.HTTPError as refused:
        raise AssertionError(f"{method} {path}: {refused.code} {refused.read()}") from None
    return json.loads(text) if text else None


def requests_to(label):
    """Returns how many requests went to an endpoint."""
    return control("GET", "counts")["by_endpoint"].get(label, 0)


def throttle(label, times=2):
    """Lets an endpoint refuse the next requests."""
    control(
        "POST",
        "faults",
        {"kind": "too_many_requests", "endpoint": label, "times": times, "retry_after": "1"},
    )


def truth():
    """Returns what the directory holds, in the words in which clients report it."""
    state = control("GET", "state?full=true")
    living = {person["id"]: person for person in state["people"] if not person["deleted"]}
    groups = {group["id"]: group for group in state["groups"] if not group["deleted"]}
    members = {
        group: sorted(member for member in held["members"] if member in living or member in groups)
        for group, held in groups.items()
    }

    def below(group, seen):
        for member in members.get(group, []):
            if member not in seen:
                seen.add(member)
                below(member, seen)
        return seen

    names = ("displayName", "userPrincipalName", "mail", "department", "accountEnabled")
    return {
        "users": {who: {name: person.get(name) for name in names} for who, person in living.items()},
        "groups": {which: group["displayName"] for which, group in groups.items()},
        "members": members,
        "transitive_members": {group: sorted(below(group, set())) for group in groups},
        "assignments": sorted([row["principal"], row["role"]] for row in state["assignments"]),
    }


def same(what, seen, wanted):
    """Ends the client if it saw something else than there is."""
    if seen == wanted:
        size = len(seen) if hasattr(seen, "__len__") else seen
        print(f"    {what}: {size}")
        return
    print(f"    {what}: DIFFERS", file=sys.stderr)
    if isinstance(seen, dict) and isinstance(wanted, dict):
        for key in sorted(set(seen) | set(wanted), key=str):
            if seen.get(key) != wanted.get(key):
                print(f"      {key}: saw {seen.get(key)!r}, there is {wanted.get(key)!r}", file=sys.stderr)
    else:
        print(f"      saw {seen!r}\n      there is {wanted!r}", file=sys.stderr)
    sys.exit(1)


def check(seen):
    """Compares everything that a client read with what there is."""
    wanted = truth()
    for what, there in wanted.items():
        same(what, seen[what], there)


def change():
    """Changes somebody and a group; returns who, which group, and who was added to it."""
    wanted = truth()
    users = sorted(wanted["users"])
    group = sorted(wanted["groups"])[0]
    who = users[0]
    newcomer = next(user for user in users if user not in wanted["members"][group])
    department = f"Department {control('GET', 'counts')['total']}"
    control("PATCH", f"people/{who}", {"department": department})
    control("POST", f"groups/{group}/members", {"add": [newcomer]})
    return who, department, group, newcomer
