//! What a person reads when the server has started.
use super::{first_password::FirstPassword, opened::Opened};
use crate::settings::Settings;
use std::{
    io::{self, Write},
    net::SocketAddr,
};

/// Says where the server is, and, after the founding, how to sign in.
///
/// # Errors
/// Nobody can be told.
pub(crate) fn announce(
    settings: &Settings,
    opened: &Opened,
    address: SocketAddr,
    password: Option<&FirstPassword>,
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let scheme = if settings.certificate.is_some() { "https" } else { "http" };
    writeln!(
        out,
        "DKube Operator {} on {scheme}://{address} (API: {scheme}://{address}/docs)",
        env!("CARGO_PKG_VERSION")
    )?;
    let kind = if opened.demonstration { "demonstration" } else { "cluster" };
    writeln!(out, "{kind} {} in {}", opened.cluster, settings.data.display())?;
    if let Some(fleet) = settings.simulate {
        writeln!(out, "simulated fleet of {fleet}: its agents report now")?;
    }
    match password {
        None => {}
        Some(FirstPassword::Shown) => {
            writeln!(out, "sign in as {} with the password shown above", settings.operator_login)?;
        }
        Some(FirstPassword::Written(path)) => {
            writeln!(out, "sign in as {} with the password in {}", settings.operator_login, path.display())?;
            writeln!(out, "change it with `dkube password`: then the file goes")?;
        }
    }
    out.flush()
}
