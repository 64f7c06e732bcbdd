"""msgraph-sdk, Microsoft's client for Python, with a credential of azure-identity."""

import asyncio

from azure.identity import CertificateCredential
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.groups.groups_request_builder import GroupsRequestBuilder
from msgraph.generated.groups.item.members.members_request_builder import MembersRequestBuilder
from msgraph.generated.service_principals.item.app_role_assigned_to.app_role_assigned_to_request_builder import (
    AppRoleAssignedToRequestBuilder,
)
from msgraph.generated.users.delta.delta_request_builder import DeltaRequestBuilder
from msgraph.generated.users.users_request_builder import UsersRequestBuilder
from msgraph_core.requests.batch_request_content import BatchRequestContent
from msgraph_core.requests.batch_request_item import BatchRequestItem

from common import FIXTURES, GRAPH, SANDBOX, SCOPE, change, check, requests_to, same, throttle


def by(builder, **options):
    """A configuration with query options."""
    parameters = next(
        member for name, member in vars(builder).items() if name.endswith("QueryParameters")
    )
    return RequestConfiguration(query_parameters=parameters(**options))


async def pages(first, again):
    """Returns the rows of all pages, and the link at the end of a round of changes."""
    rows = []
    while True:
        rows.extend(first.value)
        if not first.odata_next_link:
            return rows, getattr(first, "odata_delta_link", None)
        first = await again(first.odata_next_link).get()


async def main():
    credential = CertificateCredential(
        SANDBOX["tenant_id"],
        SANDBOX["client_id"],
        certificate_path=f"{FIXTURES}/both.pem",
        authority=SANDBOX["login_url"],
        disable_instance_discovery=True,
    )
    provider = AzureIdentityAuthenticationProvider(
        credential, scopes=[SCOPE], allowed_hosts=["localhost"]
    )
    adapter = GraphRequestAdapter(provider)
    adapter.base_url = GRAPH
    graph = GraphServiceClient(request_adapter=adapter)

    throttle("GET /v1.0/users")
    before = requests_to("GET /v1.0/users")
    names = ["id", "displayName", "userPrincipalName", "mail", "department", "accountEnabled"]
    users, _ = await pages(
        await graph.users.get(by(UsersRequestBuilder, select=names, top=100)), graph.users.with_url
    )
    retried = requests_to("GET /v1.0/users") - before - -(-len(users) // 100)
    same("requests that were repeated when refused", retried, 2)
    groups, _ = await pages(
        await graph.groups.get(by(GroupsRequestBuilder, select=["id", "displayName"])),
        graph.groups.with_url,
    )
    members, transitive = {}, {}
    for group in groups:
        one = graph.groups.by_group_id(group.id)
        rows, _ = await pages(
            await one.members.get(by(MembersRequestBuilder, top=50)), one.members.with_url
        )
        members[group.id] = sorted(row.id for row in rows)
        people, _ = await pages(await one.members.graph_user.get(), one.members.graph_user.with_url)
        same(
            f"people in {group.display_name}",
            sorted(row.id for row in people),
            [row for row in members[group.id] if row in {user.id for user in users}],
        )
        rows, _ = await pages(
            await one.transitive_members.get(), one.transitive_members.with_url
        )
        transitive[group.id] = sorted(row.id for row in rows)
    assigned = graph.service_principals.by_service_principal_id(
        SANDBOX["application_id"]
    ).app_role_assigned_to
    rows, _ = await pages(
        await assigned.get(by(AppRoleAssignedToRequestBuilder, top=100)), assigned.with_url
    )
    check(
        {
            "users": {
                user.id: {
                    "displayName": user.display_name,
                    "userPrincipalName": user.user_principal_name,
                    "mail": user.mail,
                    "department": user.department,
                    "accountEnabled": user.account_enabled,
                }
                for user in users
            },
            "groups": {group.id: group.display_name for group in groups},
            "members": members,
            "transitive_members": transitive,
            "assignments": sorted([str(row.principal_id), str(row.app_role_id)] for row in rows),
        }
    )
    principals = await graph.service_principals.get()
    same("the application is listed", SANDBOX["application_id"] in {p.id for p in principals.value}, True)

    select = by(DeltaRequestBuilder, select=["id", "department"])
    people, people_end = await pages(await graph.users.delta.get(select), graph.users.delta.with_url)
    same("people in a first round", {row.id for row in people}, {user.id for user in users})
    edges, edges_end = await pages(await graph.groups.delta.get(), graph.groups.delta.with_url)
    held = {}
    for row in edges:
        delta = row.additional_data.get("members@delta", [])
        held.setdefault(row.id, set()).update(str(edge["id"]) for edge in map(plain, delta))
    same("members in a first round", {g: sorted(m) for g, m in held.items() if m}, {g: m for g, m in members.items() if m})
    who, department, group, newcomer = change()
    rows, _ = await pages(await graph.users.delta.with_url(people_end).get(), graph.users.delta.with_url)
    same("the next round of people", [(row.id, row.department) for row in rows], [(who, department)])
    rows, _ = await pages(await graph.groups.delta.with_url(edges_end).get(), graph.groups.delta.with_url)
    moved = [(row.id, [str(plain(e)["id"]) for e in row.additional_data["members@delta"]]) for row in rows]
    same("the next round of groups", moved, [(group, [newcomer])])

    batch = BatchRequestContent()
    asked = [
        graph.users.by_user_id(who).to_get_request_information(),
        graph.users.by_user_id("nobody@contoso.com").to_get_request_information(),
        graph.groups.by_group_id(group).to_get_request_information(),
    ]
    items = [BatchRequestItem(request_information=request) for request in asked]
    for item in items:
        batch.add_request(item.id, item)
    answers = await graph.batch.post(batch_request_content=batch)
    statuses = [answers.get_response_by_id(item.id).status for item in items]
    same("a batch", statuses, [200, 404, 200])


def plain(edge):
    """What the client does not know, it hands out as nodes or as dictionaries."""
    return edge if isinstance(edge, dict) else {name: getattr(node, "value", node) for name, node in vars(edge).items()}


asyncio.run(main())
