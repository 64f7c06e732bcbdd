// @microsoft/microsoft-graph-client, Microsoft's client for JavaScript.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';

// It is installed below target/, not beside this file.
const modules = createRequire(path.join(process.env.CLIENTS, 'node', 'package.json'));
const { BatchRequestContent, BatchResponseContent, Client, PageIterator } = modules(
  '@microsoft/microsoft-graph-client',
);

const sandbox = JSON.parse(process.env.SANDBOX);

/** Asks what the other clients share. */
function common(expression) {
  const program = `import json\nfrom common import *\nprint(json.dumps(${expression}))`;
  const options = { cwd: import.meta.dirname, encoding: 'utf8' };
  return JSON.parse(execFileSync(process.env.PYTHON, ['-c', program], options));
}

function same(what, seen, wanted) {
  assert.deepEqual(seen, wanted, what);
  const size = Array.isArray(seen) ? seen.length : Object.keys(seen ?? {}).length;
  console.log(`    ${what}: ${typeof seen === 'object' ? size : seen}`);
}

async function token() {
  const answer = await fetch(`${sandbox.login_url}/${sandbox.tenant_id}/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: sandbox.client_id,
      client_secret: sandbox.client_secret,
      scope: 'https://graph.microsoft.com/.default',
    }),
  });
  assert.equal(answer.status, 200);
  return (await answer.json()).access_token;
}

let bearer;
const graph = Client.init({
  baseUrl: sandbox.graph_url,
  customHosts: new Set([new URL(sandbox.graph_url).hostname]),
  authProvider: async (done) => done(null, (bearer ??= await token())),
});

/** The rows of all pages, and the link at the end of a round of changes. */
async function pages(request) {
  const rows = [];
  const iterator = new PageIterator(graph, await request.get(), (row) => rows.push(row) > 0);
  await iterator.iterate();
  return [rows, iterator.getDeltaLink()];
}

const byId = (rows, value) => Object.fromEntries(rows.map((row) => [row.id, value(row)]));
const ids = (rows) => rows.map((row) => row.id).sort();

common('throttle("GET /v1.0/users")');
const before = common('requests_to("GET /v1.0/users")');
const names = ['displayName', 'userPrincipalName', 'mail', 'department', 'accountEnabled'];
const [users] = await pages(graph.api('/users').select(['id', ...names]).top(100));
const after = common('requests_to("GET /v1.0/users")');
same('requests that were repeated when refused', after - before - Math.ceil(users.length / 100), 2);
const [groups] = await pages(graph.api('/groups').select('id,displayName'));
const members = {};
const transitive = {};
for (const { id } of groups) {
  members[id] = ids((await pages(graph.api(`/groups/${id}/members`).top(50)))[0]);
  transitive[id] = ids((await pages(graph.api(`/groups/${id}/transitiveMembers`).select('id')))[0]);
}
const application = `/servicePrincipals/${sandbox.application_id}`;
const [rows] = await pages(graph.api(`${application}/appRoleAssignedTo`).top(100));
const there = common('truth()');
same('users', byId(users, (user) => Object.fromEntries(names.map((name) => [name, user[name]]))), there.users);
same('groups', byId(groups, (group) => group.displayName), there.groups);
same('members', members, there.members);
same('transitive members', transitive, there.transitive_members);
same('assignments', rows.map((row) => [row.principalId, row.appRoleId]).sort(), there.assignments.sort());
const counted = await graph.api('/users').header('ConsistencyLevel', 'eventual').count(true).top(1).get();
same('the count of users', counted['@odata.count'], users.length);

const [people, peopleEnd] = await pages(graph.api('/users/delta').select('id,department'));
same('people in a first round', ids(people), Object.keys(there.users).sort());
const [edges, edgesEnd] = await pages(graph.api('/groups/delta').select('displayName,members'));
const held = {};
for (const row of edges) {
  held[row.id] = [...(held[row.id] ?? []), ...(row['members@delta'] ?? []).map((edge) => edge.id)];
}
for (const id of Object.keys(held)) held[id].sort();
same('members in a first round', held, there.members);
const [who, department, group, newcomer] = common('change()');
const [changed] = await pages(graph.api(peopleEnd));
same('the next round of people', changed.map((row) => [row.id, row.department]), [[who, department]]);
const [moved] = await pages(graph.api(edgesEnd));
same('the next round of groups', moved.map((row) => [row.id, ids(row['members@delta'])]), [[group, [newcomer]]]);

const ask = (id, url) => ({ id, request: new Request(`${sandbox.graph_url}/v1.0${url}`) });
const batch = new BatchRequestContent([
  ask('1', `/users/${who}?$select=department`),
  ask('2', '/users/nobody@contoso.com'),
  ask('3', '/groups?$top=1'),
]);
const answers = new BatchResponseContent(await graph.api('/$batch').post(await batch.getContent()));
const statuses = ['1', '2', '3'].map((id) => answers.getResponseById(id).status);
same('a batch', statuses, [200, 404, 200]);
same('its first answer', (await answers.getResponseById('1').json()).department, department);

const missing = await graph.api('/users/nobody@contoso.com').get().catch((error) => error);
same('a missing person', [missing.statusCode, missing.code], [404, 'Request_ResourceNotFound']);
