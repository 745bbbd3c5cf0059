//! The real binary over real sockets: manifests come, change, break and go while it serves.

mod check;
mod cluster;
mod grpc;
mod harness;

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::symlink,
    path::Path,
    thread,
};

use harness::{Gateway, Process, copy_talk, free_port, get};

const HOST: &str = "api.internal.kubernetes.com";

/// A backend, and the talk's manifests in a folder, without the grant.
fn talk() -> (Process, tempfile::TempDir, u16) {
    let echo = Process::start(&["echo", "--listen", "127.0.0.1:0"]);
    let backend = echo.address_after("listens on http://").port();
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let port = free_port();
    copy_talk(folder.path(), "gateway.yaml", port, backend);
    copy_talk(folder.path(), "backend.yaml", port, backend);
    (echo, folder, port)
}

#[test]
fn the_talk_works_once_the_grant_is_there() {
    let (_echo, folder, port) = talk();
    let gateway = Gateway::start(folder.path(), port);
    assert_eq!(gateway.get(HOST).0, 500);
    assert_eq!(gateway.get("other.example.com").0, 404);
    let status = gateway.status();
    for part in ["False (RefNotPermitted)", "kind: ReferenceGrant", "namespace: gateway-api-service", "gateway.yaml:"] {
        assert!(status.contains(part), "{part} is missing in\n{status}");
    }

    copy_talk(folder.path(), "grant.yaml", port, 0);
    assert!(gateway.wait_for(HOST, 200).contains(r#""instance": "echo""#));
    assert_eq!(gateway.get("other.example.com").0, 404);
    gateway.wait_for_status(|status| !status.contains("RefNotPermitted"));

    fs::remove_file(folder.path().join("grant.yaml")).unwrap();
    gateway.wait_for(HOST, 500);
}

#[test]
fn the_mend_that_status_prints_mends() {
    let (_echo, folder, port) = talk();
    let gateway = Gateway::start(folder.path(), port);
    let status = gateway.status();
    let (_, mend) = status.split_once("This manifest would mend it:\n\n").expect("a mend");
    let mend: String =
        mend.lines().map_while(|line| line.strip_prefix("    ")).map(|line| format!("{line}\n")).collect();
    fs::write(folder.path().join("mend.yaml"), mend).unwrap();
    gateway.wait_for(HOST, 200);
}

#[test]
fn a_broken_file_leaves_the_last_good_version_in_force() {
    let (_echo, folder, port) = talk();
    copy_talk(folder.path(), "grant.yaml", port, 0);
    let gateway = Gateway::start(folder.path(), port);
    assert_eq!(gateway.get(HOST).0, 200);
    let path = folder.path().join("gateway.yaml");
    let good = fs::read_to_string(&path).unwrap();
    for (broken, finding) in [
        ("a: [", "gateway.yaml:2:1: error"),
        (&*good.replace("kind: HTTPRoute", "kind: HTTPRout"), "HTTPRout\" is no kind"),
        (&*good.replace("type: PathPrefix", "type: Prefix"), "spec.rules[0].matches[0].path.type"),
    ] {
        fs::write(&path, broken).unwrap();
        let status = gateway.wait_for_status(|status| status.contains(finding));
        assert_eq!(gateway.get(HOST).0, 200, "{status}");
        fs::write(&path, &good).unwrap();
        gateway.wait_for_status(|status| !status.contains(finding));
    }
}

#[test]
fn files_are_replaced_in_every_way_that_editors_and_kubelets_know() {
    let (_echo, folder, port) = talk();
    copy_talk(folder.path(), "grant.yaml", port, 0);
    let good = fs::read_to_string(folder.path().join("gateway.yaml")).unwrap();
    let moved = good.replace(HOST, "moved.example.com");

    // As a mounted ConfigMap: files are links into a folder that is swapped as a whole.
    let mount = tempfile::tempdir().unwrap();
    let version = |name: &str, text: &str| {
        let data = mount.path().join(name);
        fs::create_dir(&data).unwrap();
        for file in ["backend.yaml", "grant.yaml"] {
            fs::copy(folder.path().join(file), data.join(file)).unwrap();
        }
        fs::write(data.join("gateway.yaml"), text).unwrap();
    };
    let swap = |name: &str| {
        symlink(name, mount.path().join("..data_tmp")).unwrap();
        fs::rename(mount.path().join("..data_tmp"), mount.path().join("..data")).unwrap();
    };
    version("..1", &good);
    swap("..1");
    for file in ["backend.yaml", "grant.yaml", "gateway.yaml"] {
        symlink(Path::new("..data").join(file), mount.path().join(file)).unwrap();
    }
    let gateway = Gateway::start(mount.path(), port);
    assert_eq!(gateway.get(HOST).0, 200);
    version("..2", &moved);
    swap("..2");
    gateway.wait_for("moved.example.com", 200);
    // Each worker takes an edit by itself: the other one may be an instant behind.
    gateway.wait_for(HOST, 404);

    // Renamed into place over a link.
    fs::write(mount.path().join(".new"), &good).unwrap();
    fs::rename(mount.path().join(".new"), mount.path().join("gateway.yaml")).unwrap();
    gateway.wait_for(HOST, 200);

    // Rewritten in place.
    fs::write(mount.path().join("gateway.yaml"), &moved).unwrap();
    gateway.wait_for("moved.example.com", 200);
}

#[test]
fn the_built_in_example_answers_the_request_that_it_prints() {
    // Its ports are fixed, so it gets an address that other programs do not use.
    let address = format!("127.{}.{}.7", 64 + std::process::id() % 64, std::process::id() / 64 % 256);
    let example = Process::start(&["run", "--bind", &address, "--admin", "127.0.0.1:0"]);
    let served = example.address_after("-H 'Host: basic.example.com' http://");
    let (status, body) = get(served, "basic.example.com", "/");
    assert_eq!(status, 200);
    assert!(body.contains(r#""instance": "echo-a""#), "{body}");
}

#[test]
fn a_stopped_gateway_lets_running_requests_end() {
    let origin = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    for file in ["gateway.yaml", "backend.yaml", "grant.yaml"] {
        copy_talk(folder.path(), file, port, origin.local_addr().unwrap().port());
    }
    let mut gateway = Gateway::start(folder.path(), port);
    let address = gateway.address;
    let client = thread::spawn(move || get(address, HOST, "/"));
    let (mut exchange, _) = origin.accept().unwrap();
    read_head(&mut exchange);
    gateway.process.signal("TERM");
    // It is stopping when it takes no more connections.
    while TcpStream::connect(address).is_ok() {
        thread::yield_now();
    }
    exchange.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate").unwrap();
    assert_eq!(client.join().unwrap(), (200, "late".into()));
    assert!(gateway.process.child.wait().unwrap().success());
}

fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("the head goes on");
        head.push(byte[0]);
    }
}
