use super::*;

fn faults(settings: &Settings) -> Vec<String> {
    settings.faults().into_iter().map(|fault| fault.path).collect()
}

#[test]
fn all_faults_are_told_at_once() {
    let text = |text: &str| Some(text.to_owned());
    let settings = Settings {
        file_name: text("db"),
        files: [("a..b".to_owned(), "/".into())].into(),
        reload: Some(vec![]),
        checker: Some(vec!["true".to_owned()]),
        verify: text("localhost"),
        verify_timeout: text("soon"),
        default_ttl: text("0"),
        serial: Policy::Keep,
        server: Server::Nsd,
        nameservers: vec!["192.0.2.1".to_owned()],
        hostmaster: text("a@"),
        control: Control {
            address: text("here"),
            key_file: Some("key".into()),
            socket: Some("socket".into()),
            ..Control::default()
        },
        soa: SoaTimes { minimum: text("1x"), ..SoaTimes::default() },
        ..Settings::default()
    };
    assert_eq!(
        faults(&settings),
        [
            "file_name",
            "files.a..b",
            "files.a..b",
            "reload",
            "checker",
            "verify",
            "control.address",
            "control.key_file",
            "control.socket",
            "verify_timeout",
            "default_ttl",
            "soa.minimum",
            "serial",
            "nameservers",
            "hostmaster",
            "nameservers",
            "hostmaster",
        ]
    );
    assert_eq!(faults(&Settings::default()), ["directory"]);
    let good = Settings { directory: Some("/zones".into()), ..Settings::default() };
    assert_eq!(faults(&good), [""; 0]);
}

#[test]
fn a_zone_has_its_file() {
    let settings = Settings {
        directory: Some("/zones".into()),
        files: [("Example.NET.".to_owned(), "other".into())].into(),
        ..Settings::default()
    };
    let file = |zone| settings.file(zone).unwrap();
    assert_eq!(file("example.org"), Path::new("/zones/example.org.zone"));
    assert_eq!(file("example.net"), Path::new("other"));
    assert_eq!(file("0/25.2.0.192.in-addr.arpa"), Path::new("/zones/0-25.2.0.192.in-addr.arpa.zone"));
}

#[test]
fn mailboxes_and_servers_are_read() {
    assert_eq!(mailbox("john.doe@Example.org").as_deref(), Some(r"john\.doe.example.org"));
    assert_eq!(mailbox("hostmaster.example.org").as_deref(), Some("hostmaster.example.org"));
    let server = name_server("NS1.example.org 192.0.2.53 2001:db8::53").unwrap();
    assert_eq!((&*server.name, server.addresses.len()), ("ns1.example.org", 2));
    assert!(name_server("ns1.example.org ns2.example.org").is_err());
    assert_eq!(address("::1", 53), Some("[::1]:53".parse().unwrap()));
}
