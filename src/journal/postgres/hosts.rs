//! The hosts of the database, of which one takes writes: each is tried for a time of its own, so that one that is silent keeps
//! nobody from the next.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::time::timeout;
use tokio_postgres::{
    Client, Config, Connection, Socket,
    config::{Host, TargetSessionAttrs},
    tls::MakeTlsConnect,
};

use super::{store::LIMIT, trouble::Trouble};

/// The hosts.
pub(super) struct Hosts {
    /// How to reach each, in their order.
    each: Vec<Config>,
    /// How long to try each.
    limit: Duration,
    /// The one that was taken last.
    last: AtomicUsize,
}

impl Hosts {
    /// Those of this configuration.
    pub(super) fn new(config: &Config) -> Self {
        let (names, addresses) = (config.get_hosts().len(), config.get_hostaddrs().len());
        let count = u32::try_from(names.max(addresses)).unwrap_or(u32::MAX);
        // With several there is as much time for the work itself as for each of them.
        let limit = if count > 1 {
            LIMIT / count.saturating_add(1)
        } else {
            LIMIT
        };
        let mut whole = config.clone();
        // A name may have two addresses, one of which is silent.
        whole.connect_timeout(limit / 2).tcp_user_timeout(LIMIT);
        let numbers = 0..names.max(addresses);
        Self {
            each: numbers.map(|number| only(&whole, number)).collect(),
            limit,
            last: AtomicUsize::new(0),
        }
    }

    /// Connects to the first that lets us in as it is wanted, the one that did so last before all others. Where none does, what
    /// the last of them says.
    pub(super) async fn connect<T>(
        &self,
        tls: T,
    ) -> Result<(Client, Connection<Socket, T::Stream>), Trouble>
    where
        T: MakeTlsConnect<Socket> + Clone,
    {
        let last = self.last.load(Ordering::Relaxed);
        let mut trouble = Trouble::Late;
        for number in (last..self.each.len()).chain(0..last) {
            let config = &self.each[number];
            match timeout(self.limit, config.connect(tls.clone())).await {
                Ok(Ok(connected)) => {
                    // Where it is not asked for one that takes writes, the order says which is meant.
                    if config.get_target_session_attrs() != TargetSessionAttrs::Any {
                        self.last.store(number, Ordering::Relaxed);
                    }
                    return Ok(connected);
                }
                Ok(Err(error)) => trouble = error.into(),
                Err(_late) => trouble = Trouble::Late,
            }
        }
        Err(trouble)
    }
}

/// The configuration with only the host of this number.
fn only(all: &Config, number: usize) -> Config {
    let mut one = Config::new();
    match all.get_hosts().get(number) {
        Some(Host::Tcp(name)) => one.host(name),
        Some(Host::Unix(folder)) => one.host_path(folder),
        None => &mut one,
    };
    if let Some(address) = all.get_hostaddrs().get(number) {
        one.hostaddr(*address);
    }
    let ports = all.get_ports();
    if let Some(port) = ports.get(number).or(ports.first()) {
        one.port(*port);
    }
    if let Some(user) = all.get_user() {
        one.user(user);
    }
    if let Some(password) = all.get_password() {
        one.password(password);
    }
    if let Some(database) = all.get_dbname() {
        one.dbname(database);
    }
    if let Some(options) = all.get_options() {
        one.options(options);
    }
    if let Some(name) = all.get_application_name() {
        one.application_name(name);
    }
    with_manners(one, all)
}

/// The same with how all connections are made.
fn with_manners(mut one: Config, all: &Config) -> Config {
    if let Some(time) = all.get_connect_timeout() {
        one.connect_timeout(*time);
    }
    if let Some(time) = all.get_tcp_user_timeout() {
        one.tcp_user_timeout(*time);
    }
    if let Some(time) = all.get_keepalives_interval() {
        one.keepalives_interval(time);
    }
    if let Some(times) = all.get_keepalives_retries() {
        one.keepalives_retries(times);
    }
    one.keepalives(all.get_keepalives())
        .keepalives_idle(all.get_keepalives_idle())
        .ssl_mode(all.get_ssl_mode())
        .ssl_negotiation(all.get_ssl_negotiation())
        .channel_binding(all.get_channel_binding())
        .target_session_attrs(all.get_target_session_attrs())
        .load_balance_hosts(all.get_load_balance_hosts());
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands behind the hosts.
    const REST: &str = "db?options=-c%20geqo=off&application_name=us&keepalives=0&keepalives_idle=7&keepalives_interval=5&keepalives_retries=3&sslnegotiation=direct&channel_binding=require&target_session_attrs=read-write&load_balance_hosts=random";

    #[test]
    fn each_host_is_reached_as_if_it_were_the_only_one() {
        let read = |hosts: &str| format!("postgres://user:word@{hosts}/{REST}").parse::<Config>();
        let hosts = Hosts::new(&read("one:1,two:2,three:3").unwrap());
        let alone = ["one:1", "two:2", "three:3"].map(|host| {
            let mut alone = read(host).unwrap();
            alone
                .connect_timeout(hosts.limit / 2)
                .tcp_user_timeout(LIMIT);
            alone
        });
        assert!(
            hosts.each == alone,
            "but for the password: {:?}",
            hosts.each
        );
        assert_eq!(4 * hosts.limit, LIMIT);
        assert_eq!(Hosts::new(&alone[0]).limit, LIMIT);
    }
}
