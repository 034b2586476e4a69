//! Where a request comes from.
use crate::http::app::{App, HttpSettings};
use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{Extensions, HeaderMap, request::Parts},
};
use domain::access::network;
use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
};

/// The client's address: the peer's, or what a trusted proxy says. None where there is no connection (in tests).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Address(pub(crate) Option<IpAddr>);

impl Address {
    /// The address of this request.
    pub(crate) fn of(settings: &HttpSettings, extensions: &Extensions, headers: &HeaderMap) -> Self {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        Self(peer.map(|peer| behind(settings, peer, headers)))
    }

    /// What bounds are kept by: addresses that one party is likely to have many of count as one, an IPv6 /64.
    pub(crate) fn network(self) -> Option<IpAddr> {
        self.0.map(network)
    }
}

impl FromRequestParts<App> for Address {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self::of(app.settings(), &parts.extensions, &parts.headers))
    }
}

/// The address behind the trusted proxies: each appends whom it heard, so the list is read from its end.
fn behind(settings: &HttpSettings, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let trusted = |address: &IpAddr| settings.trusted_proxies.contains(address);
    let lines = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let heard: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    let mut client = peer;
    for word in heard.into_iter().rev() {
        if !trusted(&client) {
            break;
        }
        let Ok(address) = word.parse::<IpAddr>() else { break };
        client = address.to_canonical();
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let proxy: IpAddr = "10.0.0.1".parse().unwrap();
        let settings = HttpSettings { trusted_proxies: vec![proxy], ..HttpSettings::default() };
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "192.0.2.9, 198.51.100.7".parse().unwrap());
        assert_eq!(behind(&settings, proxy, &headers).to_string(), "198.51.100.7");
        let stranger: IpAddr = "203.0.113.5".parse().unwrap();
        assert_eq!(behind(&settings, stranger, &headers), stranger);
        headers.append("x-forwarded-for", "10.0.0.1".parse().unwrap());
        assert_eq!(behind(&settings, proxy, &headers).to_string(), "198.51.100.7");
        headers.append("x-forwarded-for", "nonsense".parse().unwrap());
        assert_eq!(behind(&settings, proxy, &headers), proxy);
    }
}
