//! The URL of the PostgreSQL database that several daemons share as their journal.
//!
//! It is read in the form that PostgreSQL's own programs take, several hosts included. What it may hold of passwords is shown by
//! nothing. TLS is verified in full whatever `sslmode` asks for, and done without where nothing leaves this machine only.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    path::PathBuf,
};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// How a URL begins.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// PostgreSQL's port where none is named.
const USUAL_PORT: &str = "5432";

/// A journal that several daemons share.
#[derive(Clone, Debug)]
pub struct SharedJournal {
    /// The database.
    pub url: JournalUrl,
    /// What this daemon signs in with, where that is not in the URL; shown by nothing.
    pub password: Option<SecretString>,
    /// The file it was read from, where others than its owner may read that too.
    pub exposed: Option<PathBuf>,
    /// What this daemon is called among them; empty where neither a setting nor the machine's name tells it apart.
    pub replica: String,
}

/// Where the database is, and how it is reached.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct JournalUrl {
    /// The whole, but for what is read here: `sslmode` and `sslrootcert`.
    whole: SecretString,
    /// Without user, password and parameters.
    shown: String,
    /// Who signs in; absent where it is left to the system's name of the user.
    user: Option<String>,
    /// Whether there is a password in it.
    has_password: bool,
    /// How the connection is protected.
    protection: Protection,
}

/// How the connection is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protection {
    /// By TLS, with a certificate that is good for the host's name.
    Tls {
        /// Who must have signed it, a file; absent: whom the system trusts.
        roots: Option<PathBuf>,
    },
    /// By never leaving this machine.
    Local,
}

impl JournalUrl {
    /// The whole for the client of the database. May hold a password.
    #[must_use]
    pub fn whole(&self) -> &SecretString {
        &self.whole
    }

    /// Who signs in.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Whether there is a password in it.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.has_password
    }

    /// How the connection is protected.
    #[must_use]
    pub fn protection(&self) -> &Protection {
        &self.protection
    }
}

impl PartialEq for JournalUrl {
    fn eq(&self, other: &Self) -> bool {
        self.whole.expose_secret() == other.whole.expose_secret()
            && self.protection == other.protection
    }
}

impl Eq for JournalUrl {}

impl fmt::Display for JournalUrl {
    /// Host, port and database, never a user, a password or a parameter.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// The parameters of a URL that are read here.
#[derive(Default)]
struct Parameters<'a> {
    /// All others, as they stand.
    others: Vec<&'a str>,
    /// `sslmode`
    mode: Option<&'a str>,
    /// `sslrootcert`
    roots: Option<PathBuf>,
    /// `host`, once or more.
    hosts: Vec<String>,
    /// `user`
    user: Option<String>,
    /// `dbname`
    database: Option<String>,
    /// Whether there is a `password`.
    has_password: bool,
}

impl<'a> Parameters<'a> {
    /// Takes them apart.
    fn read(query: &'a str) -> Result<Self, String> {
        let mut all = Self::default();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match key {
                "sslmode" => all.mode = Some(value),
                "sslrootcert" if value == "system" => {}
                "sslrootcert" => {
                    let path = PathBuf::from(plain(value)?);
                    if !path.is_absolute() {
                        return Err("`sslrootcert` names a file: write its whole path".to_owned());
                    }
                    all.roots = Some(path);
                }
                _ => all.others.push(parameter),
            }
            match key {
                // Without a port: that has a parameter of its own.
                "host" | "hostaddr" => all.hosts.extend(plain(value)?.split(',').map(|host| {
                    if host.parse::<Ipv6Addr>().is_ok() {
                        format!("[{host}]")
                    } else {
                        host.to_owned()
                    }
                })),
                "user" => all.user = Some(plain(value)?),
                "dbname" => all.database = Some(plain(value)?),
                "password" => all.has_password = !value.is_empty(),
                _ => {}
            }
        }
        Ok(all)
    }
}

impl TryFrom<String> for JournalUrl {
    type Error = String;

    /// Does not repeat what it refuses: there may be a password in it, wherever a letter went astray.
    fn try_from(text: String) -> Result<Self, String> {
        const EXPECTED: &str =
            "expected the URL of a database, such as \"postgres://user@host:5432/database\"";
        let scheme = SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme));
        let rest = scheme.ok_or(EXPECTED)?;
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(
                "a URL holds no blanks or letters beyond ASCII: write them as %20 and so on"
                    .to_owned(),
            );
        }
        let (who, beyond) = signed(rest)?;
        let (place, query) = beyond.split_once('?').unwrap_or((beyond, ""));
        let (hosts, database) = place.split_once('/').unwrap_or((place, ""));
        let mut parameters = Parameters::read(query)?;
        let (user, password) = match who.map(|who| who.split_once(':').unwrap_or((who, ""))) {
            Some((user, password)) => (Some(plain(user)?), !password.is_empty()),
            None => (parameters.user.take(), false),
        };
        if !hosts.is_empty() {
            for host in hosts.split(',') {
                parameters.hosts.push(plain(host)?);
            }
        }
        let nameless = |host: &String| apart(host).0.is_empty();
        if parameters.hosts.is_empty() || parameters.hosts.iter().any(nameless) {
            return Err(format!("the URL names no host: {EXPECTED}"));
        }
        let database = match (database, &parameters.database, &user) {
            ("", Some(database), _) => database.clone(),
            ("", None, Some(user)) => user.clone(),
            ("", None, None) => return Err(format!("the URL names no database: {EXPECTED}")),
            (database, _, _) => plain(database)?,
        };
        let others = parameters.others.join("&");
        let who = who.map(|who| format!("{who}@")).unwrap_or_default();
        let whole = format!("{}{who}{place}?{others}", SCHEMES[0]);
        let url = Self {
            whole: whole.trim_end_matches('?').into(),
            shown: format!("{}/{database}", shown(&parameters.hosts)),
            user,
            has_password: password || parameters.has_password,
            protection: protection(&parameters)?,
        };
        understood(&url, &parameters.hosts, &database)?;
        Ok(url)
    }
}

/// Who signs in, and what comes after. The client of the database ends the one at the first `@`, wherever that is, and people
/// write passwords as they are: where another reading is possible, a piece of a password would be taken for a host and shown.
fn signed(rest: &str) -> Result<(Option<&str>, &str), String> {
    let (who, beyond) = match rest.split_once('@') {
        Some((who, beyond)) => (Some(who), beyond),
        None => (None, rest),
    };
    if who.is_some_and(|who| who.contains(['/', '?', '#'])) || beyond.contains(['@', '#']) {
        return Err("it is not clear where the user and the password in the URL end, so nothing would be sure to reach the database that is meant: write / in them as %2F, ? as %3F, # as %23 and @ as %40, or put the password into a file and name that in `password_file`".to_owned());
    }
    Ok((who, beyond))
}

/// Whether the client of the database understands it, and as what was read here.
#[cfg(feature = "postgres")]
fn understood(url: &JournalUrl, hosts: &[String], database: &str) -> Result<(), String> {
    let Ok(read) = url.whole.expose_secret().parse::<tokio_postgres::Config>() else {
        return Err("the URL has a part or a parameter that is not understood: a special letter in a user or password is written as %40 and so on".to_owned());
    };
    let same = |name: &str| {
        name.parse()
            .map_or(name.to_owned(), |address: IpAddr| address.to_string())
    };
    let named = read.get_hosts().iter().map(|host| match host {
        tokio_postgres::config::Host::Tcp(name) => name.clone(),
        tokio_postgres::config::Host::Unix(folder) => folder.display().to_string(),
    });
    let addresses = read.get_hostaddrs().iter().map(ToString::to_string);
    let there = named.chain(addresses);
    let mut there: Vec<String> = there.map(|host| same(&host)).collect();
    let mut here: Vec<String> = hosts.iter().map(|host| same(bare(host))).collect();
    there.sort();
    here.sort();
    let alike = there == here
        && read.get_user() == url.user()
        && read.get_dbname().or(read.get_user()) == Some(database)
        && read.get_password().is_some_and(|word| !word.is_empty()) == url.has_password
        && read.get_ssl_mode() == tokio_postgres::config::SslMode::Prefer;
    if alike {
        return Ok(());
    }
    Err("the URL can be read in two ways, so it is not sure which database is meant: name host, user, password and database once each, and write the names of parameters without escapes".to_owned())
}

/// Nobody would connect with it.
#[cfg(not(feature = "postgres"))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "says what a program that connects says"
)]
fn understood(_url: &JournalUrl, _hosts: &[String], _database: &str) -> Result<(), String> {
    Ok(())
}

/// How the connection is protected, by what is asked for and where it goes.
fn protection(parameters: &Parameters<'_>) -> Result<Protection, String> {
    let tls = || Protection::Tls {
        roots: parameters.roots.clone(),
    };
    let on_sockets = parameters.hosts.iter().all(|host| host.starts_with('/'));
    match parameters.mode {
        _ if on_sockets => Ok(Protection::Local),
        None | Some("require" | "verify-ca" | "verify-full") => Ok(tls()),
        Some("disable") if parameters.hosts.iter().all(|host| is_local(host)) => {
            Ok(Protection::Local)
        }
        Some("disable") => Err("`sslmode=disable` would show the journal and the password to the network: leave it out, or write a loopback address or the folder of a Unix socket as the host".to_owned()),
        Some(_) => Err("`sslmode` is \"verify-full\", which is also what it is without it, or for a database on this machine \"disable\"; what lies between is not offered".to_owned()),
    }
}

/// Whether what goes to this host stays on this machine.
fn is_local(host: &str) -> bool {
    let name = bare(host);
    let loopback = |address: IpAddr| address.is_loopback();
    name.starts_with('/') || name == "localhost" || name.parse().is_ok_and(loopback)
}

/// A host without its port, and without the brackets of an address.
fn bare(host: &str) -> &str {
    let (name, _) = apart(host);
    name.trim_start_matches('[').trim_end_matches(']')
}

/// Hosts with their ports, in words.
fn shown(hosts: &[String]) -> String {
    let shown = hosts.iter().map(|host| {
        let (name, port) = apart(host);
        format!("{name}:{port}")
    });
    shown.collect::<Vec<_>>().join(",")
}

/// A host and its port.
fn apart(host: &str) -> (&str, &str) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, port),
        _ => (host, USUAL_PORT),
    }
}

/// A part of the URL without its escapes.
fn plain(part: &str) -> Result<String, String> {
    let wrong = || "a `%` in a URL begins an escape such as %40".to_owned();
    let mut bytes = Vec::new();
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let digits = [
                rest.next().ok_or_else(wrong)?,
                rest.next().ok_or_else(wrong)?,
            ];
            if !digits.iter().all(u8::is_ascii_hexdigit) {
                return Err(wrong());
            }
            let digits = std::str::from_utf8(&digits).map_err(|_| wrong())?;
            u8::from_str_radix(digits, 16).map_err(|_| wrong())?
        } else {
            byte
        });
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong())?;
    if text.chars().any(char::is_control) {
        return Err(wrong());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads it.
    fn read(text: &str) -> Result<JournalUrl, String> {
        text.to_owned().try_into()
    }

    #[test]
    fn what_is_shown_holds_no_secret() {
        for (text, expected, user, local) in [
            ("postgres://u:canary@db/j", "db:5432/j", Some("u"), false),
            (
                "postgresql://u@db.example:6432",
                "db.example:6432/u",
                Some("u"),
                false,
            ),
            (
                "postgres://a:1,b:2/j?target_session_attrs=read-write",
                "a:1,b:2/j",
                None,
                false,
            ),
            (
                "postgres://u:can%40ary@[::1]:7/j?sslmode=disable",
                "[::1]:7/j",
                Some("u"),
                true,
            ),
            (
                "postgres://u@%2Frun%2Fpostgresql/j",
                "/run/postgresql:5432/j",
                Some("u"),
                true,
            ),
            (
                "postgres://u:%2Fcan%40%3Fary%23:@db/j",
                "db:5432/j",
                Some("u"),
                false,
            ),
            (
                "postgres:///j?host=::1&hostaddr=0:0::1&sslmode=disable",
                "[::1]:5432,[0:0::1]:5432/j",
                None,
                true,
            ),
            (
                "postgres:///j?host=/run/postgresql&user=u&password=canary",
                "/run/postgresql:5432/j",
                Some("u"),
                true,
            ),
        ] {
            let url = read(text).unwrap();
            assert_eq!(url.to_string(), expected);
            assert_eq!(url.user(), user, "{text}");
            assert_eq!(*url.protection() == Protection::Local, local, "{text}");
            assert_eq!(url.has_password(), text.contains("can"), "{text}");
            assert!(!format!("{url:?}").contains("canary"));
        }
    }

    #[test]
    fn what_is_refused_is_not_repeated() {
        for (text, expected) in [
            ("mysql://u:canary@db/j", "expected the URL"),
            ("canary", "expected the URL"),
            ("postgres://u:canary@/j", "names no host"),
            ("postgres://db", "names no database"),
            ("postgres://u:can ary@db/j", "no blanks"),
            ("postgres://u:pa/sscanary@db/j", "as %2F"),
            ("postgres://u:pa/s?canary@db/j", "as %2F"),
            ("postgres://u:pa?canary=1@db/j", "as %2F"),
            ("postgres://u:pa#canary@db/j", "as %2F"),
            ("postgres://u:pa@canary@db/j", "as %2F"),
            ("postgres://u:pa@canary/x@db/j", "as %2F"),
            ("postgres://u:pa@canary?user=x@db/j", "as %2F"),
            ("postgres:///j?host=db&password=pa@canary", "as %2F"),
            ("postgres://u:canary@db/j?user=v", "in two ways"),
            ("postgres://u:canary@db/j?dbname=k", "in two ways"),
            ("postgres://u@db/j?pass%77ord=canary", "in two ways"),
            ("postgres://u:canary@db/j?sslmod%65=disable", "in two ways"),
            ("postgres://u:canary@db/j?h%6Fst=other", "in two ways"),
            ("postgres://u:canary@db,,other/j", "names no host"),
            ("postgres://u:canary@:5432/j", "names no host"),
            ("postgres://u:can%+1ary@db/%+1", "an escape such as"),
            ("postgres://u:canary@db:port/j", "not understood"),
            ("postgres://db/j?canary=1", "not understood"),
            ("postgres://u:canary@db/j?sslmode=disable", "to the network"),
            (
                "postgres://127.0.0.1,db/j?sslmode=disable",
                "to the network",
            ),
            ("postgres://db/j?sslmode=prefer", "verify-full"),
            ("postgres://db/j?sslrootcert=ca.pem", "whole path"),
        ] {
            let refusal = read(text).unwrap_err();
            assert!(refusal.contains(expected), "{text}: {refusal}");
            assert!(!refusal.contains("canary"), "{refusal}");
        }
    }

    #[test]
    fn tls_is_verified_unless_nothing_leaves_the_machine() {
        let roots = |text: &str| match read(text).unwrap().protection {
            Protection::Tls { roots } => roots,
            Protection::Local => panic!("{text}"),
        };
        for mode in [
            "",
            "?sslmode=require",
            "?sslmode=verify-ca",
            "?sslrootcert=system",
        ] {
            assert_eq!(roots(&format!("postgres://127.0.0.1/j{mode}")), None);
        }
        let named = roots("postgres://db/j?sslmode=verify-full&sslrootcert=/etc/ca.pem");
        assert_eq!(named, Some(PathBuf::from("/etc/ca.pem")));
    }
}
