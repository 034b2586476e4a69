//! Every failure that a client can meet: its stable code, its status and title, and what to do about it. One table, from
//! which the answers, the pages at `/problems` and `docs/problems.md` are made.

/// A sort of failure.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its stable code: never changed, never given a second meaning.
    pub(crate) code: &'static str,
    /// The HTTP status that goes with it.
    pub(crate) status: u16,
    /// What it is, in a few words: the same for every occurrence.
    pub(crate) title: &'static str,
    /// What the reader should do.
    pub(crate) advice: &'static str,
}

const fn entry(code: &'static str, status: u16, title: &'static str, advice: &'static str) -> Entry {
    Entry { code, status, title, advice }
}

/// The entry of that code.
pub(crate) fn find(code: &str) -> Option<&'static Entry> {
    TABLE.binary_search_by(|entry| entry.code.cmp(code)).ok().map(|at| &TABLE[at])
}

/// Every entry, by code.
#[rustfmt::skip]
pub(crate) const TABLE: &[Entry] = &[
    entry("as_of.future", 400, "The time or position has not come yet", "Name a position or a time that is past, or none."),
    entry("as_of.unsupported", 400, "This has no past", "This is measured or kept in memory, not recorded. Leave `as_of` out."),
    entry("auth.csrf", 403, "The CSRF token is missing or wrong", "Send the `csrf_token` that the sign-in answered as the header `X-CSRF-Token`."),
    entry("auth.failed", 401, "Login or password is wrong", "Check both. After several failures, answers come slower."),
    entry("auth.forbidden", 403, "Your role does not allow this", "Ask an operator to do it, or for the role that may."),
    entry("auth.invalid", 401, "The sign-in is not valid any more", "Sign in again, or use a token that is neither expired nor revoked."),
    entry("auth.required", 401, "Sign in first", "Send `Authorization: Bearer <token>`, or sign in with `POST /v1/session`."),
    entry("auth.session_needed", 403, "This needs a signed-in session", "Sign in with login and password: a token makes no tokens and no passwords."),
    entry("auth.slow_down", 429, "Too many failed sign-ins", "Wait as long as `Retry-After` says, then try again."),
    entry("cluster.founded", 409, "The cluster is founded already", "Nothing is to be done: founding happens once."),
    entry("cluster.not_found", 404, "There is no cluster yet", "Wait until the server has started."),
    entry("condition.failed", 412, "It was changed in the meantime", "Read it again, look at what changed, and send the new revision as `If-Match`."),
    entry("device.busy", 409, "Jobs run on the device", "Finish the jobs in `refs` first."),
    entry("device.elsewhere", 409, "The device is live on another node", "Look at both nodes: one UUID can't be in two places."),
    entry("device.no_condition", 404, "The device has no such condition", "`GET /v1/devices/{uuid}` lists its conditions: it may have ended by itself."),
    entry("device.not_found", 404, "There is no such device", "Check the UUID: `GET /v1/devices` lists all."),
    entry("device.not_free", 409, "The devices are in another pool", "Release the devices in `refs` from their pool first."),
    entry("device.not_in_pool", 409, "The devices are not in this pool", "Leave the devices in `refs` out: another pool holds them."),
    entry("device.not_on_node", 409, "The device is not on this node", "Look at the node's inventory."),
    entry("device.retired", 409, "The devices are retired", "Reinstate the devices in `refs` first, or leave them out."),
    entry("device.unknown_condition", 404, "No condition is of this kind", "`detail` names kinds that are spelled alike, and those that the device has. A kind of an agent's own policy is known once the device has it, or the health policy names it."),
    entry("event.not_found", 404, "There is no event at this position", "Positions go from 1 to the one in the header `Dkube-Position`."),
    entry("events.too_many_streams", 503, "Too many event streams are open", "Close a stream, or wait and follow again from where you were."),
    entry("group.default", 409, "The default group is protected", "Use another group: the default one can't be deleted and keeps the default pool."),
    entry("group.not_empty", 409, "The group still has users or a pool", "Remove what `refs` names first."),
    entry("group.not_found", 404, "There is no such group", "Check the name: `GET /v1/groups` lists all."),
    entry("idempotency.dry_run", 400, "A dry run takes no idempotency key", "Leave `Idempotency-Key` out: a dry run records nothing that could be repeated."),
    entry("idempotency.key_reused", 422, "The idempotency key was used for another request", "Use a new key for every request that differs."),
    entry("idempotency.too_many", 429, "So many outcomes of your commands are kept that no more can be", "Send the command without `Idempotency-Key`, or wait as long as `Retry-After` says: each outcome is kept for a day. A key that was used before still gets its answer."),
    entry("if_match.required", 428, "Say which revision you saw", "Read it, and send its `ETag` as `If-Match`."),
    entry("job.force_needed", 409, "The job is somebody else's", "Let its owner finish it, or end it with `?force=true` and the header `Dkube-Reason`."),
    entry("job.no_group", 409, "The user is in no group", "Add the user to a group that has a pool."),
    entry("job.no_pool", 409, "The user's group has no pool", "Bind a pool to the group in `refs`."),
    entry("job.not_found", 404, "There is no such active job", "Check the id: `detail` says if it has finished, and the audit trail has how."),
    entry("job.observed", 409, "The job is observed, not managed here", "End it where it runs: it is gone here when it is seen to be gone there."),
    entry("job.reason_needed", 400, "Force needs a reason", "Send the header `Dkube-Reason`."),
    entry("job.role", 409, "The user's role may have no jobs", "Start the job for somebody who may have one: an operator or a data scientist."),
    entry("job.shortage", 409, "Too few devices are free", "`shortage` says what has become of the pool's devices: ask for fewer, or free some."),
    entry("job.user_suspended", 409, "The user is suspended", "Reinstate the user first."),
    entry("license.devices", 409, "The license grants fewer devices", "Retire devices, or get a license for more. What is there goes on."),
    entry("license.ended", 409, "The license has ended", "Ask the vendor for one that lasts."),
    entry("license.foreign", 409, "The license is not the vendor's", "Copy the token whole. It must be signed with the key whose public half is the setting `license_key`."),
    entry("license.malformed", 400, "This is no license", "Paste the token that the vendor gave, whole."),
    entry("license.missing", 409, "There is no license", "Install one with `PUT /v1/license`. What is there goes on without."),
    entry("license.not_begun", 409, "The license begins later", "Install it then: the one that holds is kept until another takes its place."),
    entry("license.not_found", 404, "There is no license", "Install one with `PUT /v1/license`."),
    entry("license.not_required", 409, "No license is required", "Nothing is to be done: without the setting `license_key` everything works without limits."),
    entry("license.older", 409, "A newer license holds", "Install one that was signed later."),
    entry("license.over", 409, "The license and its grace are over", "Install a new one with `PUT /v1/license`. What is there goes on without."),
    entry("license.seats", 409, "The license grants fewer users", "Delete users, or get a license for more."),
    entry("model.not_found", 404, "No device is of this model", "`detail` names the models that there are: spell one of them."),
    entry("name.taken", 409, "The name is in use", "Choose another name."),
    entry("node.busy", 409, "Jobs run on the node", "Finish the jobs in `refs` first."),
    entry("node.not_found", 404, "There is no such node", "Check the name: `GET /v1/nodes` lists all."),
    entry("node.retired", 409, "The node is retired", "Reinstate it first."),
    entry("node.too_many_devices", 409, "More devices than a node may have", "Name a number within the limit that `detail` says."),
    entry("outcome.unknown", 503, "It is not known whether this happened", "Ask again with the same `Idempotency-Key`, or look whether it happened."),
    entry("policy.not_found", 404, "There is no health policy yet", "Wait until the server has started."),
    entry("pool.bound", 409, "The pool is bound to a group already", "Unbind it from the group in `refs` first."),
    entry("pool.busy", 409, "Jobs run on the pool's devices", "Finish the jobs in `refs` first."),
    entry("pool.default", 409, "The default pool is not managed by hand", "Create a pool of your own: the default one holds what no other holds."),
    entry("pool.mixed_models", 409, "The devices are not of one model", "Leave the devices in `refs` out."),
    entry("pool.not_found", 404, "There is no such pool", "Check the name: `GET /v1/pools` lists all."),
    entry("pool.shortage", 409, "Too few devices are free", "`shortage` says what has become of the default pool's devices of that model."),
    entry("position.not_reached", 503, "The answer would be older than asked for", "Ask again: what was recorded is shown a moment later."),
    entry("report.gap", 409, "The report is not the next one", "Send the report after the one that `detail` names."),
    entry("request.body", 400, "The body is not what this call takes", "`detail` names the field and what it has to be."),
    entry("request.content_type", 415, "The body is not JSON", "Send `Content-Type: application/json`."),
    entry("request.header", 400, "A header is not what this call takes", "`detail` names the header and what it has to be."),
    entry("request.malformed", 400, "The request contradicts itself", "`detail` says what to mend."),
    entry("request.method", 405, "This path does not take this method", "The header `Allow` lists the methods."),
    entry("request.named_twice", 400, "Something is named twice", "Name what `refs` says once."),
    entry("request.not_acceptable", 406, "The answer can't be given in this form", "Ask for a form that `detail` names."),
    entry("request.not_found", 404, "There is no such path", "`/openapi.json` lists every path."),
    entry("request.path", 400, "A part of the path is malformed", "`detail` says what it has to be."),
    entry("request.query", 400, "The query is not what this call takes", "`detail` names the parameter and what it has to be."),
    entry("request.slow", 408, "The request came too slowly", "Send it again, faster."),
    entry("request.too_large", 413, "The request is too large", "Do it in parts."),
    entry("request.too_many", 429, "Too many requests of your address are under way", "Wait for answers before you ask for more. A proxy before the server is one address unless it is named in `trusted_proxies`; the share is the setting `requests_per_address`."),
    entry("server.fault", 500, "The server failed", "Report it with the header `x-request-id`: the server's own log says more."),
    entry("server.overloaded", 503, "The server has too much to do", "Wait as long as `Retry-After` says, then try again."),
    entry("server.read_only", 503, "The log takes nothing at present", "Look at the server: its disk may be full. Reading goes on."),
    entry("server.stopping", 503, "The server is stopping", "Try again when it has started anew."),
    entry("server.timeout", 503, "The answer took too long", "Ask for less, or try again. Whether a command happened is not known: use an idempotency key."),
    entry("session.not_found", 404, "There is no such session", "It may have ended already."),
    entry("token.not_found", 404, "There is no such token", "It may be revoked or expired already."),
    entry("token.role", 403, "The role that the token was made under does not allow this", "Make a new token: a promotion raises none that was made before."),
    entry("token.scope", 403, "The token's scope does not allow this", "Use a token with another scope."),
    entry("token.too_many", 409, "The user has as many tokens as one may have", "Revoke one first."),
    entry("user.break_glass", 409, "The break-glass operator is protected", "It can't be deleted, downgraded or suspended."),
    entry("user.busy", 409, "The users have active jobs", "Finish the jobs in `refs` first."),
    entry("user.exists", 409, "The users are on-boarded already", "Leave the users in `refs` out."),
    entry("user.in_another_group", 409, "The users are in another group", "Remove the users in `refs` there first, or move them with `PATCH /v1/users/{login}`."),
    entry("user.last_operator", 409, "This is the last operator", "Make another user an operator first."),
    entry("user.not_deleted", 409, "The user is not deleted", "Delete the user first: erasing can't be taken back."),
    entry("user.not_found", 404, "There is no such user", "Check the login: `GET /v1/users` lists all who are on-boarded."),
    entry("user.not_in_group", 409, "The users are not in this group", "Leave the users in `refs` out."),
    entry("user.suspended", 403, "You are suspended", "Ask an operator."),
];
