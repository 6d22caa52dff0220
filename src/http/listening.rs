//! The listening socket: ours, or one that systemd holds, and how ours is closed without resetting anybody.
//!
//! Closing a listening socket resets every connection in its queue, also one that arrives between the last look at the
//! queue and the close. Therefore, in this order (see [`Server::stop`](super::server::Server::stop)):
//! 1. newcomers are ignored: they knock again a second later and are refused then;
//! 2. handshakes that have begun get [`HANDSHAKE`] to end;
//! 3. the queue is emptied;
//! 4. the socket is shut down, for every descriptor of it.
//!
//! A socket that systemd holds is left alone: what waits there is for the next instance.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// Connections that wait to be accepted; beyond it the kernel refuses.
const BACKLOG: i32 = 4096;
/// How long a handshake may take that began before a stop: the way to a client on the same continent and back.
pub(super) const HANDSHAKE: Duration = Duration::from_millis(100);

/// A listening socket. It outlives whoever accepts from it.
#[derive(Debug)]
pub struct Listening {
    socket: TcpListener,
    /// Somebody else holds it, too.
    inherited: bool,
}

impl Listening {
    /// The socket that systemd holds for us, or a new one at `address`.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let listening = Self::bind(address)?;
        listening.listen()?;
        Ok(listening)
    }

    /// The same, but nobody is heard at a new one before [`Listening::listen`]: who starts wants to know first whether the
    /// address is free.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        // Looks only at variables that are meant for this very process (LISTEN_PID).
        match listenfd::ListenFd::from_env().take_tcp_listener(0)? {
            Some(socket) => Self::inherit(socket),
            None => Self::own(address),
        }
    }

    /// A socket that is served here, but not closed.
    pub fn inherit(socket: TcpListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self { socket, inherited: true })
    }

    fn own(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket: socket.into(), inherited: false })
    }

    /// From now on connections wait to be accepted. One that systemd holds has listened all along.
    pub fn listen(&self) -> io::Result<()> {
        if self.inherited { Ok(()) } else { SockRef::from(&self.socket).listen(BACKLOG) }
    }

    /// Where it listens, where port 0 was asked for.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The same socket, for an accept loop.
    pub fn acceptor(&self) -> io::Result<tokio::net::TcpListener> {
        tokio::net::TcpListener::from_std(self.socket.try_clone()?)
    }

    pub(super) fn is_inherited(&self) -> bool {
        self.inherited
    }

    /// The next connection of the queue; `None` when there is none.
    pub(super) fn next(&self) -> io::Result<Option<(tokio::net::TcpStream, SocketAddr)>> {
        loop {
            return match self.socket.accept() {
                Ok((stream, peer)) => Ok(Some((nonblocking(stream)?, peer))),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => Ok(None),
                    io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => continue,
                    _ => Err(error),
                },
            };
        }
    }

    /// From now on no handshake begins; those that have begun may end.
    pub(super) fn ignore_newcomers(&self) {
        if let Err(error) = filter::ignore_newcomers(&self.socket) {
            tracing::debug!(%error, "connections that arrive in the moment of closing may be reset");
        }
    }

    /// Refuses everybody from now on, and resets what is in the queue.
    pub(super) fn shut(&self) {
        // Some systems shut down connections only; there the socket closes with the process.
        if let Err(error) = SockRef::from(&self.socket).shutdown(Shutdown::Both) {
            tracing::debug!(%error, "the listening socket stays open until the process ends");
        }
    }
}

fn nonblocking(stream: TcpStream) -> io::Result<tokio::net::TcpStream> {
    stream.set_nonblocking(true)?;
    tokio::net::TcpStream::from_std(stream)
}

#[cfg(target_os = "linux")]
mod filter {
    use std::{io, net::TcpListener};

    use socket2::{SockFilter, SockRef};

    /// `BPF_LD | BPF_B | BPF_ABS`: a byte of the packet, which begins with the TCP header.
    const LOAD_BYTE: u16 = 0x30;
    /// `BPF_JMP | BPF_JSET | BPF_K`: are bits set?
    const JUMP_IF_SET: u16 = 0x45;
    /// `BPF_RET | BPF_K`: how much of the packet to take.
    const TAKE: u16 = 0x06;
    /// Where the flags are, and which of them a client's first packet has.
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;

    pub(super) fn ignore_newcomers(socket: &TcpListener) -> io::Result<()> {
        SockRef::from(socket).attach_filter(&[
            SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
            SockFilter::new(JUMP_IF_SET, 0, 1, SYN),
            SockFilter::new(TAKE, 0, 0, 0),
            SockFilter::new(TAKE, 0, 0, u32::MAX),
        ])
    }
}

#[cfg(not(target_os = "linux"))]
mod filter {
    use std::{io, net::TcpListener};

    pub(super) fn ignore_newcomers(_: &TcpListener) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn while_it_closes_nobody_joins_the_queue_and_those_in_it_are_kept() {
        use std::{io, time::Duration};

        use tokio::{net::TcpStream, time::timeout};

        use super::Listening;

        /// Far longer than a handshake on the same machine.
        const A_MOMENT: Duration = Duration::from_millis(200);

        let listening = Listening::open("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listening.address().unwrap();
        let _early = TcpStream::connect(address).await.unwrap();
        listening.ignore_newcomers();
        let mut late = Box::pin(TcpStream::connect(address));
        assert!(timeout(A_MOMENT, &mut late).await.is_err(), "it knocks and is not heard");
        assert!(listening.next().unwrap().is_some(), "who was there is there");
        assert!(listening.next().unwrap().is_none());
        listening.shut();
        assert_eq!(late.await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused, "when it knocks again");
        let later = timeout(A_MOMENT, TcpStream::connect(address)).await.expect("refused at once");
        assert_eq!(later.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }
}
