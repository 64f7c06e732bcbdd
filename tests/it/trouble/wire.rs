//! The wire between the client and both emulators: a TCP proxy that counts what goes over it and
//! breaks it on purpose.
//!
//! A client reaches it by the addresses in its configuration. Each connection carries one request:
//! answers say that the connection ends with them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What happens to a request on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The connection is reset when the request has been sent; the service does not get it.
    ResetBefore,
    /// The service answers, and the connection is reset before any of the answer arrives.
    ResetAfter,
    /// The answer ends in the middle of its body, without another word.
    Cut,
    /// Nothing comes, until the client gives up; the service does not get the request.
    SilenceBefore,
    /// The service answers, and nothing of it comes until the client gives up.
    SilenceAfter,
    /// The answer comes one byte at a time.
    Drip,
}

/// Troubles that wait for their requests.
#[derive(Clone, Debug)]
struct Rule {
    label: String,
    trouble: Trouble,
    after: usize,
    times: Option<usize>,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    labels: Vec<String>,
    /// Nobody listens any more once so many requests were answered.
    closes_after: Option<usize>,
}

/// A wire that is up; it comes down with this.
#[derive(Debug)]
pub struct Wire {
    /// Where the client finds it.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    graph: SocketAddr,
    sharefile: SocketAddr,
    state: Mutex<State>,
    open: watch::Sender<bool>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|lock| lock.into_inner())
    }
}

impl Wire {
    /// Puts a wire up to both emulators.
    pub async fn to(graph: SocketAddr, sharefile: SocketAddr) -> Self {
        let open = watch::Sender::new(true);
        let shared = Arc::new(Shared { graph, sharefile, state: Mutex::default(), open });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let task = Mutex::new(Some(tokio::spawn(accept(listener, shared.clone()))));
        Self { address, shared, task }
    }

    /// Lets something happen to requests of a label, once `after` of them went through.
    pub fn trouble(&self, trouble: Trouble, label: &str, after: usize, times: Option<usize>) {
        let label = label.to_owned();
        self.shared.state().rules.push(Rule { label, trouble, after, times });
    }

    /// Lets nobody listen any more once so many requests were answered: 0 is at once.
    pub async fn close_after(&self, requests: usize) {
        self.shared.state().closes_after = Some(requests);
        if requests == 0 {
            self.shared.open.send_replace(false);
            self.ended().await;
        }
    }

    async fn ended(&self) {
        let task = self.task.lock().unwrap_or_else(|lock| lock.into_inner()).take();
        if let Some(task) = task {
            task.await.expect("the listener does not panic");
        }
    }

    /// Ends all trouble; somebody listens again.
    pub async fn heal(&self) {
        {
            let mut state = self.shared.state();
            state.rules.clear();
            state.closes_after = None;
        }
        if !*self.shared.open.borrow() {
            self.ended().await;
            self.shared.open.send_replace(true);
            let listener = TcpListener::bind(self.address).await.expect("the port of before");
            let task = tokio::spawn(accept(listener, self.shared.clone()));
            *self.task.lock().unwrap_or_else(|lock| lock.into_inner()) = Some(task);
        }
    }

    /// Returns the labels of all requests since the last call, oldest first.
    pub fn labels(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.state().labels)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.open.send_replace(false);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut open = shared.open.subscribe();
    loop {
        tokio::select! {
            biased;
            _ = open.wait_for(|open| !open) => break,
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    let shared = shared.clone();
                    // The peer hangs up, or we do: both are what happens here.
                    tokio::spawn(async move { carry(stream, &shared).await.ok() });
                }
            }
        }
    }
}

/// Carries one request and its answer, as far as the trouble lets it.
async fn carry(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let request = read_request(&mut stream).await?;
    let head = String::from_utf8_lossy(&request[..head_end(&request).unwrap_or(0)]).into_owned();
    let label = label(head.lines().next().unwrap_or_default());
    let trouble = take(shared, &label);
    match trouble {
        Some(Trouble::ResetBefore) => return stream.set_zero_linger(),
        Some(Trouble::SilenceBefore) => return silence(&mut stream).await,
        _ => {}
    }
    let sharefile = head.contains(" /sf/v3/") || head.contains(" /oauth/token");
    let service = if sharefile { shared.sharefile } else { shared.graph };
    let answer = exchange(service, &request).await?;
    close_when_due(shared);
    match trouble {
        Some(Trouble::ResetAfter) => stream.set_zero_linger(),
        Some(Trouble::SilenceAfter) => silence(&mut stream).await,
        Some(Trouble::Cut) => {
            let head = head_end(&answer).unwrap_or(0);
            let half = head + (answer.len() - head) / 2;
            stream.write_all(&answer[..half]).await?;
            stream.shutdown().await
        }
        Some(Trouble::Drip) => {
            for byte in answer {
                stream.write_all(&[byte]).await?;
            }
            stream.shutdown().await
        }
        _ => {
            stream.write_all(&answer).await?;
            stream.shutdown().await
        }
    }
}

/// Returns what happens to a request, and counts it.
fn take(shared: &Shared, label: &str) -> Option<Trouble> {
    let mut state = shared.state();
    state.labels.push(label.to_owned());
    let rule = state.rules.iter_mut().find(|rule| rule.label == label)?;
    if rule.after > 0 {
        rule.after -= 1;
        return None;
    }
    match &mut rule.times {
        Some(0) => return None,
        Some(times) => *times -= 1,
        None => {}
    }
    Some(rule.trouble)
}

fn close_when_due(shared: &Shared) {
    let due = match &mut shared.state().closes_after {
        Some(left) => {
            *left = left.saturating_sub(1);
            *left == 0
        }
        None => false,
    };
    if due {
        shared.open.send_replace(false);
    }
}

/// Says nothing until the peer hangs up.
async fn silence(stream: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 256];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

async fn read_request(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        if let Some(head) = head_end(&read) {
            let text = String::from_utf8_lossy(&read[..head]).to_ascii_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
            if read.len() >= head + length {
                return Ok(read);
            }
        }
        match stream.read(&mut buffer).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => read.extend_from_slice(&buffer[..count]),
        }
    }
}

/// Returns where the head of a message ends, and its body begins.
fn head_end(message: &[u8]) -> Option<usize> {
    message.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// Sends a request on a connection of its own and returns the whole answer.
async fn exchange(service: SocketAddr, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(service).await?;
    let line = request.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    stream.write_all(&request[..line]).await?;
    stream.write_all(b"connection: close\r\n").await?;
    stream.write_all(&request[line..]).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

/// Returns the label of a request line: method and path without ids, and what of the query tells
/// one call from another.
fn label(line: &str) -> String {
    let mut words = line.split(' ');
    let (method, address) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let segments = path.split('/').map(|segment| match segment.split_once('(') {
        Some((name, rest)) if rest.len() > 1 => format!("{name}(id)"),
        _ if segment.len() == 36 && segment.matches('-').count() == 4 => "id".to_owned(),
        _ => segment.to_owned(),
    });
    let path = segments.collect::<Vec<_>>().join("/");
    let told = ["emailaddress", "latest"].into_iter().find(|word| query.contains(word));
    match told {
        Some(told) => format!("{method} {path} {told}"),
        None => format!("{method} {path}"),
    }
}
