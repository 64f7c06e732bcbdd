"""msal signs in, and plain requests read with its tokens, as many scripts do."""

import msal
import requests

from common import AUTHORITY, FIXTURES, GRAPH, SANDBOX, SCOPE, change, check, control, same, throttle


def text(name):
    with open(f"{FIXTURES}/{name}", encoding="ascii") as file:
        return file.read()


def thumbprint():
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    certificate = x509.load_pem_x509_certificate(text("certificate.pem").encode())
    return certificate.fingerprint(hashes.SHA1()).hex()


def token(credential):
    app = msal.ConfidentialClientApplication(
        SANDBOX["client_id"],
        authority=AUTHORITY,
        client_credential=credential,
        instance_discovery=False,
    )
    answer = app.acquire_token_for_client([SCOPE])
    assert "access_token" in answer, answer
    assert app.acquire_token_for_client([SCOPE])["token_source"] == "cache"
    return answer["access_token"]


key = {
    "private_key": text("key.pem"),
    "thumbprint": thumbprint(),
    "public_certificate": text("certificate.pem"),
}
tokens = {
    "secret": token(SANDBOX["client_secret"]),
    "certificate": token(key),
    "certificate by SHA-256": token({"private_key": text("key.pem"), "public_certificate": text("certificate.pem")}),
}
refused = msal.ConfidentialClientApplication(
    SANDBOX["client_id"], authority=AUTHORITY, client_credential="wrong", instance_discovery=False
).acquire_token_for_client([SCOPE])
same("a wrong secret is refused", (refused["error"], refused["error_codes"]), ("invalid_client", [7000215]))

http = requests.Session()
http.headers["Authorization"] = f"Bearer {tokens['secret']}"


def pages(url):
    """Returns the rows of all pages, and the link at the end of a round of changes."""
    rows = []
    while url:
        answer = http.get(url, timeout=30)
        assert answer.status_code == 200, (url, answer.status_code, answer.text)
        body = answer.json()
        rows.extend(body["value"])
        url, end = body.get("@odata.nextLink"), body.get("@odata.deltaLink")
    return rows, end


for kind, bearer in tokens.items():
    answer = requests.get(f"{GRAPH}/users?$top=1", headers={"Authorization": f"Bearer {bearer}"}, timeout=30)
    same(f"a token by {kind} opens Graph", answer.status_code, 200)

NAMES = "displayName,userPrincipalName,mail,department,accountEnabled"
groups, _ = pages(f"{GRAPH}/groups?$select=id,displayName")
check(
    {
        "users": {
            row.pop("id"): row for row in pages(f"{GRAPH}/users?$select=id,{NAMES}")[0]
        },
        "groups": {row["id"]: row["displayName"] for row in groups},
        "members": {
            row["id"]: sorted(member["id"] for member in pages(f"{GRAPH}/groups/{row['id']}/members?$top=50")[0])
            for row in groups
        },
        "transitive_members": {
            row["id"]: sorted(m["id"] for m in pages(f"{GRAPH}/groups/{row['id']}/transitiveMembers?$select=id")[0])
            for row in groups
        },
        "assignments": sorted(
            [row["principalId"], row["appRoleId"]]
            for row in pages(f"{GRAPH}/servicePrincipals/{SANDBOX['application_id']}/appRoleAssignedTo?$top=100")[0]
        ),
    }
)

people, people_end = pages(f"{GRAPH}/users/delta?$select=id,department")
edges, edges_end = pages(f"{GRAPH}/groups/delta?$select=displayName,members")
held = {}
for row in edges:
    held.setdefault(row["id"], set()).update(member["id"] for member in row.get("members@delta", []))
state = control("GET", "state?full=true")
same("people in a first round", {row["id"] for row in people}, {p["id"] for p in state["people"] if not p["deleted"]})
same("members in a first round", {group: sorted(held[group]) for group in held}, {g["id"]: sorted(g["members"]) for g in state["groups"]})
who, department, group, newcomer = change()
again, _ = pages(people_end)
same("the next round of people", [(row["id"], row["department"]) for row in again], [(who, department)])
again, _ = pages(edges_end)
same("the next round of groups", [(row["id"], [m["id"] for m in row["members@delta"]]) for row in again], [(group, [newcomer])])

throttle("GET /v1.0/users", 1)
answer = http.get(f"{GRAPH}/users?$top=1", timeout=30)
same("throttling", (answer.status_code, answer.headers["Retry-After"]), (429, "1"))

batch = {
    "requests": [
        {"id": "1", "method": "GET", "url": f"/users/{who}?$select=department"},
        {"id": "2", "method": "GET", "url": "/users/nobody@contoso.com"},
        {"id": "3", "method": "GET", "url": "/groups?$top=1", "dependsOn": ["1"]},
    ]
}
answer = http.post(f"{GRAPH}/$batch", json=batch, timeout=30).json()
parts = {part["id"]: part for part in answer["responses"]}
same("a batch", {i: part["status"] for i, part in parts.items()}, {"1": 200, "2": 404, "3": 200})
same("its first answer", parts["1"]["body"]["department"], department)
