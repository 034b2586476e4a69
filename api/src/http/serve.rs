//! Connections: taken within bounds, and ended gracefully.
use super::{app::HttpSettings, layer::Shares, tls};
use axum::{Router, body::Body, extract::ConnectInfo, http::Request};
use domain::access::network;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::timeout,
};
use tower::ServiceExt as _;

/// The largest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// How long to wait when no connection can be taken: no file is left, say.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers on this listener until `shutdown` is done. Then takes no more connections, lets requests in flight finish
/// within the limit of the settings, and breaks off what is left. Streams end by themselves when
/// [`Parts::stopping`](super::Parts::stopping) is true: make it so no later than `shutdown`.
///
/// # Errors
/// The listener has no address.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: &HttpSettings,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    tracing::info!(%address, "listening");
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(settings.read_timeout).max_buf_size(HEAD_BYTES_MAX);
    let permits = Arc::new(Semaphore::new(settings.connections_max));
    let shares = Shares::new(settings.connections_per_address_max);
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let (stream, peer) = tokio::select! {
            () = &mut shutdown => break,
            _ = connections.join_next(), if !connections.is_empty() => continue,
            accepted = accept(&listener) => accepted,
        };
        // Beyond the limit, a connection is closed at once: waiting would hold it open as well.
        let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else {
            tracing::warn!(limit = settings.connections_max, "too many connections: one is closed");
            continue;
        };
        // A proxy's connections are many people's.
        let trusted = settings.trusted_proxies.contains(&peer.ip().to_canonical());
        let share = (!trusted).then(|| shares.take(network(peer.ip())));
        if matches!(share, Some(None)) {
            tracing::debug!(%peer, "too many connections of one address: one is closed");
            continue;
        }
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let answer = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().oneshot(request)
        });
        let (http, watcher) = (http.clone(), graceful.watcher());
        let (acceptor, limit) = (settings.certificate.as_ref().map(|it| it.acceptor()), settings.read_timeout);
        connections.spawn(async move {
            // A client that goes away or speaks no HTTP is no matter of ours.
            let ended = match acceptor {
                None => watcher.watch(http.serve_connection(TokioIo::new(stream), answer)).await,
                Some(acceptor) => match timeout(limit, acceptor.accept(stream)).await.map_err(tls::slow).flatten() {
                    Ok(stream) => watcher.watch(http.serve_connection(TokioIo::new(stream), answer)).await,
                    Err(error) => {
                        tracing::debug!(%error, "a TLS handshake failed");
                        Ok(())
                    }
                },
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection broke off");
            }
            drop((permit, share));
        });
    }
    drop(listener);
    tracing::info!(connections = connections.len(), "stopping: finishing what is in flight");
    if timeout(settings.shutdown_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!(connections = connections.len(), "stopping: breaking off what is still in flight");
    }
    connections.shutdown().await;
    Ok(())
}

/// The next connection. One that fails to be taken is the client's loss; a lack of files passes.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) => {
            }
            Err(error) => {
                tracing::warn!(%error, "a connection can't be taken");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
