//! The server, composed: the log and the engine, the read models, the bus and the relay, the HTTP server, and, for a
//! demonstration, a simulated fleet. Started in the order of the data, stopped the other way round.
mod abandon;
mod announce;
mod commands;
mod first_password;
mod fleet;
mod genesis;
mod hearing;
mod keeper;
mod log;
mod messages;
mod mirror;
mod observer;
mod opened;
mod reset;
mod snapshots;
mod telemetry;
mod troubles;
mod vitals;

pub(crate) use abandon::{Abandoned, abandon};
pub(crate) use first_password::FirstPassword;
pub use log::Committed;
pub use mirror::cluster_agent;
pub(crate) use opened::data_lock;
pub(crate) use reset::{Reset, reset_operator};
pub use snapshots::Snapshots;

use crate::{
    egress::Egress,
    http::{self, App, HttpSettings, Parts},
    provider::Outside,
    settings::Settings,
};
use anyhow::Context;
use bus::{
    clock::{Clock, SystemClock, SystemEntropy},
    engine::Halt,
};
use hearing::Hearing;
use keeper::Keeper;
use messages::Messages;
use mirror::Watching;
use observer::{Pods, Processes, observe};
use opened::Opened;
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
};
use troubles::Troubles;
use vitals::Watched;

/// Runs the server with these settings until it is told to stop.
///
/// # Errors
/// Where it can't start, or fails.
pub async fn serve(settings: Settings) -> anyhow::Result<()> {
    // The address first: a log must not be founded by a server that nobody can reach.
    let listener =
        TcpListener::bind(settings.listen).await.with_context(|| format!("cannot listen on {}", settings.listen))?;
    let address = listener.local_addr()?;
    let shared = Arc::new(settings);
    let opening = Arc::clone(&shared);
    let opened = tokio::task::spawn_blocking(move || Opened::open(&opening)).await??;
    let password = genesis::found(&opened, &shared).await?;
    opened.caught_up().await;
    if let Err(failure) = abandon::record(&opened).await {
        tracing::warn!(reason = %failure, "that keys were given up is not recorded: the next start does so");
    }
    let messages = Messages::start(&shared, &opened).await?;
    let watching = Watching::start(&shared, &opened, messages.bus()).await?;
    let fleet = fleet::start(&shared, &opened, messages.bus());
    let (stop, stopping) = watch::channel(false);
    let keeper = tokio::spawn(keeper(&shared, &opened, &messages).run(stopping.clone()));
    let mut observers = observers(&shared, &opened, &messages, &stopping);
    if let Err(error) = first_password::tidy(&shared.data, &opened.live, stopping.clone()).await {
        let error: &dyn std::error::Error = &*error;
        tracing::warn!(error, "the file of the first password can't be looked after");
    }
    let watched = Arc::new(watched(&shared, &opened, &messages));
    let looking = tokio::spawn(Arc::clone(&watched).look_on(stopping.clone()));
    let renewing = shared.certificate.clone();
    let renewing = renewing.map(|it| tokio::spawn(it.renew(Arc::new(SystemClock), stopping.clone())));
    let http = http_settings(&shared, address);
    let app = App::new(parts(&shared, http.clone(), &opened, &messages, watched, stopping.clone()));
    let listing = tokio::spawn(http::keep_fresh(app.clone(), stopping));
    // Before it is announced: who reads that may ask it to stop at once.
    let asked = stop_asked(opened.engine.halted(), stop)?;
    announce::announce(&shared, &opened, address, password.as_ref())?;
    let served = http::serve(listener, http::router(app), &http, asked).await;
    if let Some(fleet) = fleet {
        fleet.stop().await;
    }
    watching.stop().await;
    keeper.await.context("the keeper of leases failed")?;
    looking.await.context("the look at what is wrong with the server failed")?;
    listing.await.context("the look at whom the sign-in backend knows failed")?;
    if let Some(renewing) = renewing {
        renewing.await.context("the look at the certificate failed")?;
    }
    while let Some(ended) = observers.join_next().await {
        ended.context("an observer of jobs failed")?;
    }
    messages.stop().await;
    let closed = opened.close().await;
    served.context("the HTTP server failed")?;
    closed
}

fn keeper(settings: &Settings, opened: &Opened, messages: &Messages) -> Keeper {
    Keeper {
        engine: opened.engine.clone(),
        live: opened.live.clone(),
        gauges: messages.gauges().clone(),
        hearing: Hearing::of(&opened.engine, messages),
        lease: settings.node_lease,
    }
}

/// Pods are looked at, and processes where they are real and the settings do not say otherwise.
fn observers(
    settings: &Settings,
    opened: &Opened,
    messages: &Messages,
    stopping: &watch::Receiver<bool>,
) -> JoinSet<()> {
    let (engine, live) = (&opened.engine, &opened.live);
    let telemetry = messages.telemetry();
    let pods = Pods::new(messages.mirrors().clone(), Arc::new(telemetry.clone()), settings.kube_job_after);
    let mut observers = JoinSet::new();
    observers.spawn(observe(pods, engine.clone(), live.clone(), stopping.clone()));
    if settings.observe_processes && settings.simulate.is_none() {
        let processes = Processes::new(telemetry.clone());
        observers.spawn(observe(processes, engine.clone(), live.clone(), stopping.clone()));
    }
    observers
}

fn http_settings(settings: &Settings, address: SocketAddr) -> HttpSettings {
    // Browsers that reach a server on loopback are on its own machine.
    let scheme = if settings.certificate.is_some() { "https" } else { "http" };
    let own = address.ip().is_loopback().then(|| format!("{scheme}://{address}"));
    HttpSettings {
        public_url: settings.public_url.as_ref().map(ToString::to_string).or(own),
        certificate: settings.certificate.clone(),
        trusted_proxies: settings.trusted_proxies.clone(),
        break_glass_from: settings.break_glass_from.clone(),
        open_metrics: settings.metrics_open,
        requests_per_address_max: settings.requests_per_address,
        vendor_key: settings.license_key.clone(),
        ..HttpSettings::default()
    }
}

fn watched(settings: &Settings, opened: &Opened, messages: &Messages) -> Watched {
    Watched {
        engine: opened.engine.clone(),
        relay: messages.relay_status(),
        connection: settings.nats.as_ref().map(|_| messages.bus().connection()),
        gauges: messages.gauges().clone(),
        frames: Arc::clone(messages.frames()),
        hearing: Hearing::of(&opened.engine, messages),
        troubles: Troubles::default(),
        lease: settings.node_lease,
    }
}

fn parts(
    settings: &Settings,
    http: HttpSettings,
    opened: &Opened,
    messages: &Messages,
    watched: Arc<Watched>,
    stopping: watch::Receiver<bool>,
) -> Parts {
    Parts {
        cluster: opened.cluster,
        commands: Arc::new(commands::Commands { engine: opened.engine.clone(), past: opened.past.clone() }),
        log: Arc::new(opened.committed.clone()),
        live: opened.live.clone(),
        past: opened.past.clone(),
        mirrors: messages.mirrors().clone(),
        telemetry: messages.telemetry().clone(),
        vault: Arc::clone(&opened.keyring) as _,
        clock: Arc::new(|| SystemClock.now()),
        vitals: watched,
        outside: Outside::new(
            Arc::new(Egress::new(settings.egress.clone())),
            Arc::new(SystemClock),
            Arc::new(SystemEntropy),
        ),
        settings: http,
        stopping,
    }
}

/// Done when the server is asked to stop, or the log takes no more and only a restart helps.
fn stop_asked(
    mut halted: watch::Receiver<Option<Halt>>,
    stop: watch::Sender<bool>,
) -> anyhow::Result<impl Future<Output = ()> + Send> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        let failed = async {
            let ended = halted.wait_for(|halt| matches!(halt, Some(Halt::Failed(_)))).await.is_err();
            // A full disk ends the engine as well, and leaves reading: nothing that a restart would mend.
            if ended && matches!(*halted.borrow(), Some(Halt::Full(_))) {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            _ = terminate.recv() => tracing::info!("asked to stop (SIGTERM)"),
            _ = interrupt.recv() => tracing::info!("asked to stop (SIGINT)"),
            () = failed => tracing::error!("the log failed: stopping, so that a restart finds out what the disk holds"),
        }
        stop.send_replace(true);
    })
}
