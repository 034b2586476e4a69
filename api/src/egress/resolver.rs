//! Names, resolved where the connection is made: what is handed on is what is connected to, and all of it was judged.
use super::{EgressError, Policy};
use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{io, net::IpAddr, net::SocketAddr, sync::Arc};

/// Who is asked for the addresses of a name.
pub(super) trait Lookup: Send + Sync {
    /// The addresses of this host.
    fn lookup(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The system's resolver.
pub(super) struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Hands on only what the policy permits.
pub(super) struct Guarded {
    pub(super) policy: Policy,
    pub(super) lookup: Arc<dyn Lookup>,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let (policy, found) = (self.policy.clone(), self.lookup.lookup(host.clone()));
        Box::pin(async move {
            let found = found.await.map_err(|_| EgressError::Unresolved { host: host.clone() })?;
            if found.is_empty() {
                return Err(EgressError::Unresolved { host }.into());
            }
            let permitted: Vec<SocketAddr> = found
                .into_iter()
                .filter(|address| policy.permits(*address))
                // No port: that of the URL is taken.
                .map(|address| SocketAddr::new(address, 0))
                .collect();
            if permitted.is_empty() {
                return Err(EgressError::Blocked { host }.into());
            }
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}
