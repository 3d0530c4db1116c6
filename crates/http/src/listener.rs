use std::{
    io,
    net::{SocketAddr, TcpListener},
};

/// An address could not be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}", reason(source))]
pub struct BindError {
    address: SocketAddr,
    source: io::Error,
}

fn reason(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program has the port",
        io::ErrorKind::AddrNotAvailable => "this machine does not have the address",
        io::ErrorKind::PermissionDenied => {
            "the port needs privileges that this program does not have"
        }
        _ => "the operating system refused",
    }
}

/// A port that is bound before anything is served on it, so that its number can be published first.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Listens. Connections wait until an [`Application`](crate::Application) or [`Operations`](crate::Operations)
    /// runs. Port 0 takes any free port.
    ///
    /// # Errors
    /// One sentence that names the address and why it cannot be used.
    pub fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let at = |source| BindError { address, source };
        let socket = TcpListener::bind(address).map_err(at)?;
        let address = socket.local_addr().map_err(at)?;
        Ok(Self { socket, address })
    }

    /// The address, with the real port.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn into_socket(self) -> TcpListener {
        self.socket
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_zero_takes_a_free_port() {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        assert_ne!(listener.local_addr().port(), 0);
    }

    #[test]
    fn a_port_in_use_is_named_in_one_sentence() {
        let taken = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let error = Listener::bind(taken.local_addr()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "cannot listen on {}: another program has the port",
                taken.local_addr()
            )
        );
    }

    #[test]
    fn an_address_of_another_machine_is_named() {
        let error = Listener::bind("192.0.2.1:8080".parse().unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot listen on 192.0.2.1:8080: this machine does not have the address"
        );
    }
}
