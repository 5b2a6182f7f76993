//! What loading shows and the values alone do not: permissions, unknown domains, and one layer replacing another.

use super::{
    super::{
        endpoint::is_loopback,
        environment::Overrides,
        file::SettingsFile,
        secret::{self, ClientSecret},
        written::Written,
    },
    Finding,
    Severity::{Note, Warning},
};

/// Everything that loading showed.
pub(in super::super) fn noticed(
    file: Option<&SettingsFile>,
    overrides: &Overrides,
    written: &Written,
    secret: &ClientSecret,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(file.and_then(writable));
    findings.extend(exposed(written, secret));
    findings.extend(unknown_domain(written));
    findings.extend(replaced(file, overrides));
    if let Some(variable) = &secret.replaces_file {
        findings.push(replacement(secret::SETTING, variable));
    }
    findings
}

/// Whoever may write the file decides where the client secret is sent.
fn writable(file: &SettingsFile) -> Option<Finding> {
    let path = file.path.display();
    file.writable_by_all.then(|| {
        Finding::new(
            Warning,
            path.to_string(),
            format!("everyone on this machine may change the settings, and with them where the client secret is sent: chmod o-w {path}"),
        )
    })
}

/// A secret that others may read. No refusal, because container engines mount secrets readable by all, and not for a
/// platform on this machine, whose secret protects nothing.
fn exposed(written: &Written, secret: &ClientSecret) -> Option<Finding> {
    let path = secret.exposed.as_ref()?.display();
    let local = [&written.genesys.api_url, &written.genesys.login_url]
        .into_iter()
        .all(|url| url.as_ref().is_some_and(|url| is_loopback(&url.0)));
    (!local).then(|| {
        Finding::new(
            Warning,
            "genesys.client_secret_file",
            format!("others than its owner may read {path} and with it sign in as this client: chmod 600 {path}, unless a container engine mounted it, which makes it readable inside the container only"),
        )
    })
}

/// A domain outside the table gets the client secret all the same.
fn unknown_domain(written: &Written) -> Option<Finding> {
    let region = &written.genesys.region;
    if region.aws_name().is_some() || written.genesys.login_url.is_some() {
        return None;
    }
    let hint = region
        .resembles()
        .map(|known| format!("; the nearest known one is {known}"))
        .unwrap_or_default();
    Some(Finding::new(
        Warning,
        "genesys.region",
        format!(
            "{0} is no region that this version knows, and the client secret will be sent to login.{0}: make sure that it is right{hint}",
            region.domain()
        ),
    ))
}

/// A value in the file that a variable replaces, which is easily forgotten.
fn replaced(file: Option<&SettingsFile>, overrides: &Overrides) -> Vec<Finding> {
    let Some(file) = file else {
        return Vec::new();
    };
    overrides
        .variables
        .iter()
        .filter(|(setting, _)| file.mentioned.contains(*setting))
        .map(|(setting, variable)| replacement(setting, variable))
        .collect()
}

/// The note that a variable wins.
fn replacement(setting: &str, variable: &str) -> Finding {
    Finding::new(
        Note,
        setting,
        format!("the variable {variable} replaces what the settings file says"),
    )
}
