//! `GET /v1/alerts`: what needs an operator now.
use super::{
    answer::{Paging, Shown},
    app::App,
    directory,
    input::{AsOf, Look},
    license,
    tls::Validity,
};
use domain::{Position, Timestamp};
use projections::{
    Phase,
    view::{AlertJobs, AlertView, Severity},
};
use serde::{Deserialize, Serialize};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The route of alerts.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list))
}

/// How many alerts.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// At most so many: 1 to 1000.
    #[serde(default)]
    #[param(value_type = Option<u32>)]
    limit: Paging,
}

/// What needs an operator, the worst first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Alerts {
    /// As many as were asked for.
    items: Vec<AlertView>,
    /// How many there are in all.
    total: usize,
    /// Always null: there are no further pages, since alerts come and go.
    next: Option<String>,
    /// The position that they are true at.
    #[schema(value_type = u64)]
    position: Position,
}

/// What needs an operator now: since when, and what to do. Of a past moment, only what was recorded.
#[utoipa::path(get, path = "/v1/alerts", tag = "alerts", operation_id = "alerts", params(Wanted, AsOf),
    responses((status = 200, body = Alerts)))]
async fn list(look: Look<Wanted>) -> Shown<Alerts> {
    let required = license::required(look.app());
    let (recorded, license, position) = look.view(|view| (view.alerts(), view.license(required), view.position()));
    let present = look.is_present();
    let measured = if present { measured(look.app()) } else { vec![] };
    // Whether one was required then is not recorded.
    let unlicensed = license::alerts(&license).filter(|_| present);
    let mut items: Vec<AlertView> = measured.into_iter().chain(recorded).chain(unlicensed).collect();
    AlertView::sort(&mut items);
    let total = items.len();
    items.truncate(look.query.limit.get());
    Shown::at(position, Alerts { items, total, next: None, position })
}

/// What is wrong with the server itself, or is known by it without being recorded.
fn measured(app: &App) -> Vec<AlertView> {
    let alert = |part: &str, since, summary: String, action: &str| AlertView {
        severity: Severity::Critical,
        code: format!("server.{part}"),
        subject: "cluster".to_owned(),
        node: None,
        since,
        summary,
        action: action.to_owned(),
        jobs: AlertJobs::default(),
    };
    let status = app.parts.live.status();
    let stalled_since = status.stalled_since.map(|since| app.ago(since.elapsed()));
    let stalled = match status.phase {
        Phase::Stalled { error, .. } => Some(error),
        Phase::Failed | Phase::Stopped => Some("they are not fed any more".to_owned()),
        Phase::Restoring | Phase::CatchingUp | Phase::Live => None,
    };
    let stalled = stalled.map(|why| {
        alert(
            "read_models",
            stalled_since,
            format!("what is shown stands still: {why}"),
            "look at the server's log; upgrade or restart it",
        )
    });
    let troubled = app.parts.vitals.health().into_iter().filter_map(|health| {
        let action = match health.part {
            "relay" => "compare the stream with the log; delete it, if it is not another cluster's: it is made anew",
            "log" => "make room on the disk, or restart the server, which reads what the disk has",
            _ => "look at the server's log",
        };
        Some(alert(health.part, health.since, health.trouble?, action))
    });
    let unheard = app.parts.vitals.unheard_since().map(|since| {
        let summary = "no agent can be heard: nodes and devices are shown as they were then, and none is lost for it";
        let action =
            "look whether NATS runs and the server reaches it; what agents find meanwhile they tell afterwards";
        alert("bus", Some(since), summary.to_owned(), action)
    });
    let away = app.parts.mirrors.known().into_iter().filter(|mirror| !mirror.connected).map(|mirror| AlertView {
        severity: Severity::Warning,
        code: "kubernetes.away".to_owned(),
        subject: "cluster".to_owned(),
        node: None,
        since: Some(mirror.since),
        summary: match mirror.error.flatten() {
            Some(error) => format!("Kubernetes cluster {} is not seen as it is: {error}", mirror.cluster),
            None => format!("the agent of Kubernetes cluster {} is silent", mirror.cluster),
        },
        action:
            "look whether its API server is reached; its pods are shown as they were, and none of their jobs is ended"
                .to_owned(),
        jobs: AlertJobs::default(),
    });
    let certificate = app.settings().certificate.as_ref().and_then(|it| certificate(it.validity(), app.now()));
    let contested = app.parts.vitals.contested().into_iter().map(|(node, lasting)| AlertView {
        severity: Severity::Critical,
        code: "node.two_agents".to_owned(),
        subject: format!("node/{node}"),
        node: Some(node.to_string()),
        jobs: AlertJobs::default(),
        since: Some(app.ago(lasting)),
        summary: "two agents speak for it: what the first one says is taken, the other's reports wait".to_owned(),
        action:
            "look which hosts are named so, by copy or by setting, or have two agents; give each a name of its own and one agent"
                .to_owned(),
    });
    let of_the_server =
        stalled.into_iter().chain(troubled).chain(unheard).chain(away).chain(certificate).chain(contested);
    of_the_server.chain(directory::alerts(app)).collect()
}

/// The server's own certificate, once it should have been renewed.
fn certificate(validity: Validity, now: Timestamp) -> Option<AlertView> {
    let fault = validity.fault(now);
    let due = validity.renew_from();
    if fault.is_none() && now < due {
        return None;
    }
    let (severity, since, summary) = match fault {
        Some(fault) => {
            let since = (now >= validity.from).then_some(validity.until);
            (Severity::Critical, since, format!("the server's certificate is refused by who connects: {fault}"))
        }
        None => (Severity::Warning, Some(due), format!("the server's certificate ends at {}", validity.until)),
    };
    Some(AlertView {
        severity,
        code: "server.certificate".to_owned(),
        subject: "cluster".to_owned(),
        node: None,
        since,
        summary,
        action: "renew the files of tls_cert and tls_key: they are read again within seconds, without a restart"
            .to_owned(),
        jobs: AlertJobs::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_told_of_two_weeks_before_its_end_and_is_critical_once_it_does_not_hold() {
        let at = |day: i64| Timestamp::from_micros(day * 24 * 3600 * 1_000_000);
        let validity = Validity { from: at(100), until: at(200) };
        let said = |day| certificate(validity, at(day)).map(|alert| (alert.severity, alert.since));
        assert_eq!(said(185), None);
        assert_eq!(said(186), Some((Severity::Warning, Some(at(186)))));
        assert_eq!(said(200), Some((Severity::Warning, Some(at(186)))));
        assert_eq!(said(201), Some((Severity::Critical, Some(at(200)))));
        assert_eq!(said(99), Some((Severity::Critical, None)), "it does not hold yet");
    }
}
