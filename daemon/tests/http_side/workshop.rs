//! A server with one or two views on a port of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use zonemux::http::{
    Address, Listener, Observed, Observer, Server, ServerSettings, ViewTable, Webhook, WebhookSettings,
};
use zonemux::view::Calls;

use crate::client::{Client, Reply};
use crate::view::{Event, FakeView};

pub(crate) struct Workshop {
    pub(crate) webhook: Arc<Webhook>,
    pub(crate) server: Server,
    /// At `/`.
    pub(crate) view: Arc<FakeView>,
    pub(crate) events: UnboundedReceiver<Event>,
    /// Route, method and status of every call that is over.
    pub(crate) observed: UnboundedReceiver<(String, &'static str, &'static str, u16)>,
    address: std::net::SocketAddr,
}

struct Tell(mpsc::UnboundedSender<(String, &'static str, &'static str, u16)>);

impl Observer for Tell {
    fn request(&self, call: &Observed<'_>) {
        let _unheard = self.0.send((call.view.to_owned(), call.route, call.method, call.status));
    }
}

pub(crate) const LOCAL: &str = "127.0.0.1:0";

impl Workshop {
    pub(crate) fn start() -> Self {
        Self::with(WebhookSettings::default(), ServerSettings::default())
    }

    pub(crate) fn with_deadline(deadline: Duration) -> Self {
        Self::with(WebhookSettings { deadline, ..WebhookSettings::default() }, ServerSettings::default())
    }

    pub(crate) fn with(settings: WebhookSettings, server: ServerSettings) -> Self {
        let (view, events) = FakeView::new("default");
        let (internal, _) = FakeView::new("internal");
        *internal.zones.lock().unwrap() = vec!["internal.example".to_owned()];
        let table = ViewTable::new([
            ("/".to_owned(), Arc::clone(&view) as Arc<dyn Calls>),
            ("/internal".to_owned(), internal as Arc<dyn Calls>),
        ]);
        let (tell, observed) = mpsc::unbounded_channel();
        let webhook = Webhook::new(table, settings, Arc::new(Tell(tell)));
        let listener = Listener::bind(&Address::Tcp(LOCAL.parse().unwrap())).unwrap();
        let server = Server::start(vec![listener], server, webhook.handler());
        let Address::Tcp(address) = server.addresses()[0].clone() else { unreachable!() };
        Self { webhook, server, view, events, observed, address }
    }

    pub(crate) async fn connect(&self) -> Client<TcpStream> {
        Client::new(TcpStream::connect(self.address).await.unwrap())
    }

    /// One request on a connection of its own.
    pub(crate) async fn ask(&self, request: impl AsRef<[u8]>) -> Reply {
        let mut client = self.connect().await;
        client.send(request).await;
        client.reply().await
    }

    /// Whether the server goes on after what has been done to it.
    pub(crate) async fn still_serves(&self) -> bool {
        self.ask(get("/healthz")).await.status == 200
    }

    pub(crate) async fn event(&mut self) -> Event {
        tokio::time::timeout(Duration::from_secs(60), self.events.recv()).await.expect("an event").unwrap()
    }

    /// The status of the next call that is over.
    pub(crate) async fn next_status(&mut self) -> u16 {
        let call = tokio::time::timeout(Duration::from_secs(60), self.observed.recv()).await;
        call.expect("a call that is over").unwrap().3
    }
}

pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n")
}

pub(crate) fn post(path: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    post_as(path, zonemux::http::MEDIA_TYPE, body)
}

pub(crate) fn post_as(path: &str, content_type: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}
