//! The URL of the PostgreSQL database that several daemons share as their journal.
//!
//! It is read in the form that PostgreSQL's own programs take, several hosts included. What it may hold of passwords is shown by
//! nothing. TLS is verified in full whatever `sslmode` asks for, and done without where nothing leaves this machine only.

use std::{fmt, net::IpAddr, path::PathBuf};

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
    /// What this daemon is called among them.
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
                "host" | "hostaddr" => all
                    .hosts
                    .extend(plain(value)?.split(',').map(str::to_owned)),
                "user" => all.user = Some(plain(value)?),
                "dbname" => all.database = Some(plain(value)?),
                "password" => all.has_password = true,
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
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = place.split_once('/').unwrap_or((place, ""));
        let (who, hosts) = match authority.rsplit_once('@') {
            Some((who, hosts)) => (Some(who), hosts),
            None => (None, authority),
        };
        let mut parameters = Parameters::read(query)?;
        let (user, password) = match who.map(|who| who.split_once(':').unwrap_or((who, ""))) {
            Some((user, password)) => (Some(plain(user)?), !password.is_empty()),
            None => (parameters.user.take(), false),
        };
        for host in hosts.split(',').filter(|host| !host.is_empty()) {
            parameters.hosts.push(plain(host)?);
        }
        if parameters.hosts.is_empty() {
            return Err(format!("the URL names no host: {EXPECTED}"));
        }
        let database = match (database, &parameters.database, &user) {
            ("", Some(database), _) => database.clone(),
            ("", None, Some(user)) => user.clone(),
            ("", None, None) => return Err(format!("the URL names no database: {EXPECTED}")),
            (database, _, _) => plain(database)?,
        };
        let others = parameters.others.join("&");
        let whole = format!("{}{place}?{others}", SCHEMES[0]);
        understood(&whole)?;
        Ok(Self {
            whole: whole.trim_end_matches('?').into(),
            shown: format!("{}/{database}", shown(&parameters.hosts)),
            user,
            has_password: password || parameters.has_password,
            protection: protection(&parameters)?,
        })
    }
}

/// Whether the client of the database understands it.
#[cfg(feature = "postgres")]
fn understood(whole: &str) -> Result<(), String> {
    let read = whole.parse::<tokio_postgres::Config>();
    read.map(|_| ()).map_err(|_| {
        "the URL has a part or a parameter that is not understood: a special letter in a user or password is written as %40 and so on".to_owned()
    })
}

/// Nobody would connect with it.
#[cfg(not(feature = "postgres"))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "says what a program that connects says"
)]
fn understood(_whole: &str) -> Result<(), String> {
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
    let (name, _) = apart(host);
    let address = name.trim_start_matches('[').trim_end_matches(']');
    let loopback = |address: IpAddr| address.is_loopback();
    name.starts_with('/') || name == "localhost" || address.parse().is_ok_and(loopback)
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
