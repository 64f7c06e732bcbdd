"""What ShareFile's official SDKs send, request for request.

The Java SDK asks for Capabilities before it signs in. All post to /oauth/token?requirev3=true. The
.NET SDK sends no Authorization until it has been challenged.
"""

import requests

from common import SANDBOX, control, same

# The tenant answers at its own name and at localhost alike; not every machine knows the former.
BASE = SANDBOX["sharefile_url"].replace(f"{SANDBOX['sharefile_subdomain']}.", "", 1)
API = f"{BASE}/sf/v3"

http = requests.Session()
answer = http.get(f"{API}/Capabilities", timeout=30)
same("Capabilities without a token", answer.status_code, 200)
same("they are a list", isinstance(answer.json()["value"], list), True)

form = {
    "grant_type": "password",
    "client_id": SANDBOX["sharefile_client_id"],
    "client_secret": SANDBOX["sharefile_client_secret"],
    "username": SANDBOX["admin_user"],
    "password": SANDBOX["admin_password"],
}
answer = http.post(f"{BASE}/oauth/token?requirev3=true", data=form, timeout=30)
same("signing in", answer.status_code, 200)
token = answer.json()
same("the control plane", (token["subdomain"], token["apicp"]), (SANDBOX["sharefile_subdomain"], SANDBOX["sharefile_domain"]))
wrong = http.post(f"{BASE}/oauth/token?requirev3=true", data=form | {"password": "wrong"}, timeout=30)
same("a wrong password is refused", (wrong.status_code, wrong.json()["error"]), (400, "invalid_grant"))

asked = f"{API}/Users?emailaddress={requests.utils.quote(SANDBOX['admin_user'])}"
challenge = http.get(asked, timeout=30)
same("a challenge", (challenge.status_code, challenge.headers["WWW-Authenticate"].split(" ")[0]), (401, "Bearer"))
http.headers["Authorization"] = f"Bearer {token['access_token']}"
me = http.get(asked, timeout=30)
same("the same request, signed in", (me.status_code, me.json()["Email"]), (200, SANDBOX["admin_user"]))

refresh = {
    "grant_type": "refresh_token",
    "client_id": form["client_id"],
    "client_secret": form["client_secret"],
    "refresh_token": token["refresh_token"],
}
answer = http.post(f"{BASE}/oauth/token?requirev3=true", data=refresh, timeout=30)
same("refreshing", answer.status_code, 200)
http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

new = {
    "Email": "client.of.others@contoso.com",
    "FirstName": "Ada",
    "LastName": "Byron",
    "Company": "Contoso",
    "Roles": ["CanChangePassword"],
}
made = http.post(f"{API}/Users/AccountUser?pushCreatorDefaultSettings=false&notify=false", json=new, timeout=30)
same("an employee is created", made.status_code, 200)
user = f"{API}/Users({made.json()['Id']})"
# Clients that cannot send every method name it in a header.
changed = http.post(user, json={"LastName": "Lovelace"}, headers={"X-Http-Method-Override": "PATCH"}, timeout=30)
same("and changed", (changed.status_code, changed.json()["LastName"]), (200, "Lovelace"))
same("and deleted", http.delete(f"{user}?completely=true", timeout=30).status_code, 204)

employees = http.get(f"{API}/Accounts/Employees", timeout=30).json()
there = [a for a in control("GET", "accounts") if a["kind"] == "employee" and not a["deleted"]]
same("employees", sorted(row["Email"] for row in employees["value"]), sorted(a["email"] for a in there))
same("their count", employees["odata.count"], len(there))
same("signing out", http.delete(f"{API}/Sessions", timeout=30).status_code, 204)
same("the token is over", http.get(asked, timeout=30).status_code, 401)
