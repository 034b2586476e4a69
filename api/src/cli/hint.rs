//! What to do about a failure, in the words of the command line.

/// What to do about a failure of that code, where there is more to say than it says itself.
pub(super) fn of(code: &str) -> Option<&'static str> {
    Some(match code {
        "as_of.unsupported" => "leave --as-of out: this has no past",
        "auth.required" | "auth.invalid" => "sign in with: dkube login",
        "auth.forbidden" => "ask an operator to do it, or for the role that may",
        "auth.no_proposal" => "propose one first: dkube auth github, or dkube auth oidc",
        "auth.no_public_url" => "start the server with --public-url: the address that browsers reach it at",
        "auth.proposal_gone" => "dkube auth show says what is proposed; then: dkube auth prove",
        "auth.session_needed" => {
            "this needs a sign-in, not a token; somebody becomes an operator by: dkube user role LOGIN operator"
        }
        "auth.unproven" => "with the break-glass operator's password: dkube auth local --login LOGIN",
        "auth.slow_down" | "server.overloaded" | "request.too_many" | "events.too_many_streams" => {
            "wait a little, then try again"
        }
        "idempotency.too_many" => {
            "so many commands in a day are more than one user is kept answers for: use another user"
        }
        "condition.failed" => {
            "look at what changed, then give the present revision with --if-match, or position with --planned-at, or neither"
        }
        "device.no_condition" => "dkube device show GPU lists its conditions",
        "device.not_found" => "dkube device list shows all devices",
        "device.not_free" => "release these devices from their pool first: dkube pool remove POOL DEVICE",
        "device.retired" => "reinstate these devices first: dkube device reinstate DEVICE",
        "device.unknown_condition" => {
            "dkube device show GPU lists its conditions; a kind of your own is known once dkube health policy names it"
        }
        "directory.ambiguous" => "dkube directory list shows whom it knows; say which is meant with --subject",
        "directory.unknown" => "dkube directory refresh, or have them sign in once: then dkube directory list has them",
        "event.not_found" => "dkube audit list shows the latest events",
        "group.not_empty" => "first: dkube group edit NAME --remove-user LOGIN, and --no-pool",
        "group.not_found" => "dkube group list shows all groups",
        "idempotency.key_reused" => "use another --idempotency-key for every command that differs",
        "if_match.required" => "give the revision that you saw with --if-match",
        "job.force_needed" => "if it must end all the same: dkube job finish ID --force --reason TEXT",
        "job.no_group" => "first: dkube group edit GROUP --add-user LOGIN",
        "job.no_pool" => "first: dkube group edit GROUP --pool POOL",
        "job.not_found" => "dkube job list shows the active jobs, and dkube job show ID one that has finished",
        "job.observed" => "end it where it runs; it is gone here when it is seen to be gone there",
        "job.reason_needed" => "say why with --reason",
        "job.role" => "start it for an operator or a data scientist: --user LOGIN",
        "job.shortage" | "pool.shortage" => "ask for fewer, or free some",
        "job.user_suspended" => "first: dkube user reinstate LOGIN",
        "model.not_found" => "dkube device list shows each device's model",
        "node.busy" | "pool.busy" | "device.busy" | "user.busy" => {
            "finish these jobs first: dkube job finish ID; somebody else's: with --force --reason TEXT"
        }
        "node.not_found" => "dkube node list shows all nodes",
        "node.retired" => "first: dkube node reinstate NAME",
        "pool.bound" => "first: dkube group edit GROUP --no-pool",
        "pool.not_found" => "dkube pool list shows all pools",
        "position.not_reached" => "ask again: what was recorded is shown a moment later",
        "server.fault" => "the server's own log says more",
        "server.read_only" => "look at the server: its disk may be full; reading goes on",
        "server.timeout" => "ask for less, or try again",
        "token.not_found" => "dkube token list shows your tokens",
        "token.role" => "sign in anew with: dkube login, or make a new token: dkube token create",
        "token.too_many" => "first: dkube token revoke ID",
        "user.in_another_group" => "remove these users there first, or: dkube user move LOGIN GROUP",
        "user.is_suspended" => "dkube user reinstate LOGIN first, or name another",
        "user.login_taken" => "if it is the same person, link that user: --link, or dkube user link",
        "user.last_operator" => "make another user an operator first: dkube user role LOGIN operator",
        "user.not_deleted" => "first: dkube user delete LOGIN; erasing can't be taken back",
        "user.not_found" => "dkube user list shows all who are on-boarded",
        _ => return None,
    })
}
