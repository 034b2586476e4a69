//! The first start of a log: the cluster is founded, with an operator who can sign in.
use super::{
    first_password::{self, FirstPassword},
    opened::Opened,
};
use crate::{
    http::{PasswordCost, hash_password},
    settings::Settings,
};
use anyhow::Context;
use bus::engine::Request;
use domain::{Command, Position, Principal, user::Newcomer};

/// Founds the cluster, where the log is empty. Answers the operator's password, if it was made here.
///
/// # Errors
/// The log can't be written, or the password can't be told to anybody.
pub(crate) async fn found(opened: &Opened, settings: &Settings) -> anyhow::Result<Option<FirstPassword>> {
    if *opened.engine.watermark().borrow() > Position::START {
        if settings.operator_password.is_some() {
            tracing::info!("the cluster is founded already: its operator keeps the password that they have");
        }
        return Ok(None);
    }
    let who = format!("the first operator is {}, with the password", settings.operator_login);
    let (password, told) = first_password::chosen(settings, &who, true)?;
    let hash = tokio::task::spawn_blocking(move || hash_password(password.reveal(), PasswordCost::default())).await?;
    let operator = Newcomer::with_password(settings.operator_login.clone(), hash?);
    let command = Command::Found { cluster: opened.cluster, demonstration: opened.demonstration, operator };
    opened.engine.submit(Request::new(Principal::SYSTEM, command)).await.context("cannot found the cluster")?;
    tracing::info!(cluster = %opened.cluster, demonstration = opened.demonstration, "founded the cluster");
    Ok(told)
}
