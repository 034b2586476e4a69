use crate::http::{
    answer::{Accepted, CommandAnswer, Errand, carry_out},
    app::App,
    auth::Asker,
    input::{Body, DryRun, Wish},
    problem::Problem,
};
use axum::extract::State;
use domain::{
    Command, Model, PoolName,
    device::DeviceId,
    pool::{self, Wanted},
};
use serde::Deserialize;

/// A pool to be made: of listed devices, or of so many of a model.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreatePool {
    /// A name that no pool has: a DNS-1123 label.
    #[schema(value_type = String, example = "vision")]
    name: PoolName,
    /// Devices of the default pool; may be empty.
    #[schema(value_type = Option<Vec<String>>)]
    devices: Option<Vec<DeviceId>>,
    /// Instead of `devices`: the model of those that shall be picked.
    #[schema(value_type = Option<String>)]
    model: Option<Model>,
    /// With `model`: how many healthy idle devices shall be picked out of the default pool.
    count: Option<u32>,
}

/// Makes a pool.
#[utoipa::path(post, path = "/v1/pools", tag = "pools", operation_id = "create_pool", params(DryRun),
    request_body = CreatePool, responses((status = 200, body = CommandAnswer), (status = 201, body = CommandAnswer)))]
pub(super) async fn create(
    State(app): State<App>,
    asker: Asker,
    wish: Wish,
    body: Body<CreatePool>,
) -> Result<Accepted, Problem> {
    let CreatePool { name, devices, model, count } = body.value;
    let devices = match (devices, model, count) {
        (Some(devices), None, None) => Wanted::Listed(devices),
        (None, Some(model), Some(count)) => Wanted::Picked { model, count },
        _ => return Err(Problem::new("request.body", "give either devices (which may be empty), or model and count")),
    };
    let location = format!("/v1/pools/{name}");
    let command = Command::Pool(pool::Command::Create { name, devices });
    Ok(carry_out(&app, &asker, &wish, Errand::new(command).with(&body.raw)).await?.made(location))
}
