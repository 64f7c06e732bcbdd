"""azure-identity signs in, and the pipeline of azure-core asks: it retries by itself."""

from azure.core import PipelineClient
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, RetryPolicy
from azure.core.rest import HttpRequest
from azure.identity import CertificateCredential, ClientSecretCredential

from common import FIXTURES, GRAPH, SANDBOX, SCOPE, requests_to, same, throttle, truth

WHERE = {"authority": SANDBOX["login_url"], "disable_instance_discovery": True}
WHO = (SANDBOX["tenant_id"], SANDBOX["client_id"])
USERS = "GET /v1.0/users"

credentials = {
    "secret": ClientSecretCredential(*WHO, SANDBOX["client_secret"], **WHERE),
    "certificate": CertificateCredential(*WHO, certificate_path=f"{FIXTURES}/both.pem", **WHERE),
    "certificate with its chain": CertificateCredential(
        *WHO, certificate_path=f"{FIXTURES}/both.pem", send_certificate_chain=True, **WHERE
    ),
}
for kind, credential in credentials.items():
    client = PipelineClient(
        GRAPH,
        policies=[RetryPolicy(retry_total=4), BearerTokenCredentialPolicy(credential, SCOPE)],
    )
    seen, url, before = set(), f"{GRAPH}/users?$select=id&$top=100", requests_to(USERS)
    throttle(USERS)
    pages = 0
    while url:
        answer = client.send_request(HttpRequest("GET", url))
        answer.raise_for_status()
        seen.update(row["id"] for row in answer.json()["value"])
        url, pages = answer.json().get("@odata.nextLink"), pages + 1
    same(f"users, by {kind}", seen, set(truth()["users"]))
    same("requests, two of them refused", requests_to(USERS) - before, pages + 2)

wrong = ClientSecretCredential(*WHO, "wrong", **WHERE)
try:
    wrong.get_token(SCOPE)
    same("a wrong secret is refused", False, True)
except ClientAuthenticationError as refused:
    same("a wrong secret is refused", "AADSTS7000215" in str(refused), True)
