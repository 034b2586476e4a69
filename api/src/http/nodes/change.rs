use crate::http::{
    answer::{Accepted, CommandAnswer, Errand, carry_out},
    app::App,
    auth::Asker,
    input::{Body, Change, DryRun, Segment, Wish},
    problem::Problem,
};
use axum::extract::State;
use domain::{Command, NodeName, Subject, node};
use serde::Deserialize;

/// A change of a node: what is left out stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeNode {
    /// Whether its devices shall take no new job.
    cordoned: Option<bool>,
    /// How many devices it shall have; null: as many as were seen.
    #[serde(default)]
    #[schema(value_type = Option<u16>)]
    expected_devices: Change<u16>,
    /// Whether it shall be out of service, with its devices.
    retired: Option<bool>,
}

/// Cordons or retires a node, or says how many devices it has.
#[utoipa::path(patch, path = "/v1/nodes/{name}", tag = "nodes", operation_id = "change_node",
    params(("name" = String, Path, description = "The node"), DryRun), request_body = ChangeNode,
    responses((status = 200, body = CommandAnswer)))]
pub(super) async fn change(
    State(app): State<App>,
    asker: Asker,
    Segment(node): Segment<NodeName>,
    wish: Wish,
    body: Body<ChangeNode>,
) -> Result<Accepted, Problem> {
    let ChangeNode { cordoned, expected_devices, retired } = body.value;
    let subject = Subject::Node(node.clone());
    let command =
        Command::Node(node::Command::Change { node, cordoned, expected_devices: expected_devices.wanted(), retired });
    carry_out(&app, &asker, &wish, Errand::new(command).on(subject).with(&body.raw)).await
}
