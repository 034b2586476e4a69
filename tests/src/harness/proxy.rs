//! A TCP proxy that can lose what a server says.
use anyhow::Context;
use std::net::Ipv4Addr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

/// A proxy before a server on this machine.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    flow: watch::Sender<Flow>,
    swallowed: watch::Receiver<u64>,
    task: JoinHandle<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Pass,
    Swallow,
    Cut,
}

impl Proxy {
    /// Stands before the server on this port.
    ///
    /// # Errors
    /// No port is free.
    pub async fn before(server: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("open a port for the proxy")?;
        let port = listener.local_addr()?.port();
        let flow = watch::Sender::new(Flow::Pass);
        let (count, swallowed) = watch::channel(0);
        let task = tokio::spawn(serve(listener, server, flow.clone(), count));
        Ok(Self { port, flow, swallowed, task })
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Its port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Lets everything through again, on connections that are there and new ones.
    pub fn pass(&self) {
        self.flow.send_replace(Flow::Pass);
    }

    /// Loses all that the server says from now on; what the clients say still gets through.
    pub fn swallow(&self) {
        self.flow.send_replace(Flow::Swallow);
    }

    /// Ends every connection, and refuses new ones.
    pub fn cut(&self) {
        self.flow.send_replace(Flow::Cut);
    }

    /// How many bytes of the server were lost, as it rises.
    pub fn swallowed(&self) -> watch::Receiver<u64> {
        self.swallowed.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, server: u16, flow: watch::Sender<Flow>, count: watch::Sender<u64>) {
    while let Ok((client, _)) = listener.accept().await {
        let (watched, count) = (flow.subscribe(), count.clone());
        tokio::spawn(async move {
            if *watched.borrow() != Flow::Cut
                && let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await
            {
                connect(client, server, watched, count).await;
            }
        });
    }
}

async fn connect(client: TcpStream, server: TcpStream, mut flow: watch::Receiver<Flow>, count: watch::Sender<u64>) {
    let (mut from_client, to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let seen = flow.clone();
    tokio::select! {
        _ = copy(&mut from_client, &mut to_server) => {}
        () = answer(from_server, to_client, seen, count) => {}
        _ = flow.wait_for(|flow| *flow == Flow::Cut) => {}
    }
}

async fn answer(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    flow: watch::Receiver<Flow>,
    count: watch::Sender<u64>,
) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        let now = *flow.borrow();
        if now == Flow::Swallow {
            count.send_modify(|count| *count += u64::try_from(read).unwrap_or(u64::MAX));
        } else if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
