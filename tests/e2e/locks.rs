//! Requirements, lock files, plans and environments of real tools' formats against a log
//! that has releases: every verdict for every kind, hostile files, saved proofs, and
//! `wheeltap lock` with a real pip.

mod releases;

use std::process::Command;

use log_client::offline_index::OfflineIndex;
use log_core::artifact::ProjectName;
use log_core::hash::digest;
use serde_json::{Value, json};

use self::releases::{FILES, KINDS, Locked, Releases, lock, locked, option, packages};
use crate::harness::{Ended, Scene, has, missing};

#[test]
fn every_verdict_for_every_kind_of_lock_file() {
    let releases = Releases::new();
    let good = releases.locked();
    let taken_back: Vec<Locked> = packages("1.1").iter().map(locked).collect();
    for kind in KINDS {
        let verdict =
            |project: &str, version: &str, files: &[Locked]| releases.verdict(kind, project, version, files);
        assert_eq!(verdict("nova", "1.0", &good), (0, "verified".to_owned()), "{kind}");
        assert_eq!(verdict("Nova", "1.0.0", &good), (0, "verified".to_owned()), "{kind}");
        assert_eq!(verdict("nova", "1.1", &taken_back), (14, "withdrawn".to_owned()), "{kind}");

        // One file more, which an installer would take as well.
        let mut more = good.clone();
        let intruder = "nova-1.0-1-py3-none-any.whl".to_owned();
        let hash = format!("sha256:{}", digest(&[b"an intruder's bytes"]).to_hex());
        more.push((intruder.clone(), format!("{FILES}/{intruder}"), hash.clone()));
        assert_eq!(verdict("nova", "1.0", &more), (10, "not-logged".to_owned()), "{kind}");
        // Other bytes under a name that is logged, where names are said.
        let mut other = good.clone();
        other[1].2.clone_from(&hash);
        let expected = match kind {
            "requirements.txt" | "Pipfile.lock" => (10, "not-logged"),
            _ => (11, "other-hash"),
        };
        assert_eq!(verdict("nova", "1.0", &other), (expected.0, expected.1.to_owned()), "{kind}");
        // A hash that somebody else can make another file for.
        let mut weak = good.clone();
        weak[1].2 = "md5:d41d8cd98f00b204e9800998ecf8427e".to_owned();
        assert_eq!(verdict("nova", "1.0", &weak), (1, "no-verdict".to_owned()), "{kind}");
        // A version that the files are not of: hashes alone do not say of which they are.
        let expected = match kind {
            "requirements.txt" | "Pipfile.lock" => (10, "not-logged"),
            _ => (11, "disagrees"),
        };
        assert_eq!(verdict("nova", "1.2", &good), (expected.0, expected.1.to_owned()), "{kind}");
        // The project's name on the files of another one, which no log covers or not.
        if !["requirements.txt", "Pipfile.lock"].contains(&kind) {
            assert_eq!(verdict("requests", "1.0", &good), (11, "disagrees".to_owned()), "{kind}");
        }
        let third = ("requests-1.0.tar.gz".to_owned(), format!("{FILES}/requests-1.0.tar.gz"), hash);
        assert_eq!(verdict("requests", "1.0", &[third]), (0, "not-covered".to_owned()), "{kind}");
    }
}

#[test]
fn a_plan_comes_through_a_pipe() {
    let releases = Releases::new();
    let scene = &releases.scene;
    scene.write("plan", lock("report.json", "nova", "1.0", &releases.locked()).as_bytes());
    let plan = std::fs::File::open(scene.path("plan")).expect("a file");
    let mut verify = scene.command("wheeltap", &["verify", "--report", "-"]);
    let ended = Ended::from(verify.stdin(plan).output().expect("it runs"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let expected = "verified  -: install[0]  nova 1.0  (the one file that it permits, entry 2)\n";
    assert!(ended.stdout.starts_with(expected), "{ended:?}");
    let nothing = scene.run("wheeltap", &["verify", "--report", "-"]);
    assert_eq!(nothing.code, Some(1), "{nothing:?}");
}

#[test]
fn urls_that_were_slipped_in() {
    let releases = Releases::new();
    for kind in ["uv.lock", "pylock.toml"] {
        let mut elsewhere = releases.locked();
        elsewhere[1].1 = elsewhere[1].1.replace("files.pythonhosted.org", "files.example");
        assert_eq!(releases.verdict(kind, "nova", "1.0", &elsewhere), (11, "disagrees".to_owned()), "{kind}");
    }
    // pylock.toml says names and URLs; readers differ in which of them counts.
    let mut renamed = releases.locked();
    renamed[1].1 = renamed[1].1.replace("nova-1.0-py3", "nova-1.0-1-py3");
    assert_eq!(releases.verdict("pylock.toml", "nova", "1.0", &renamed), (11, "disagrees".to_owned()));
}

/// Good hashes beside what lets an installer take other bytes.
#[test]
fn good_hashes_do_not_help_what_goes_round_them() {
    let releases = Releases::new();
    let (name, url, good) = releases.locked().remove(0);
    let (evil, hex) = ("0".repeat(64), good.trim_start_matches("sha256:"));
    let git = url.replace("https:", "git+https:");
    let package = "[[package]]\nname = \"nova\"\nversion = \"1.0\"\n";
    let pipenv = |entry: &str| {
        format!(
            "{{\"_meta\":{{\"pipfile-spec\":6}},\"default\":{{\"nova\":{{{entry},\"hashes\":[\"{good}\"]}}}}}}"
        )
    };
    for (kind, text, code) in [
        ("requirements.txt", format!("nova @ {url} --hash={good}\n"), 0),
        ("requirements.txt", format!("nova @ {url}?a&sha256={evil}&b --hash={good}\n"), 11),
        ("requirements.txt", format!("nova @ {url}?a&sha256={evil}&b#sha256={hex}\n"), 11),
        ("requirements.txt", format!("nova @ bzr+lp:~nova/{name} --hash={good}\n"), 1),
        ("requirements.txt", "-e bzr+lp:~nova/nova#egg=nova\n".to_owned(), 1),
        (
            "pylock.toml",
            format!(
                "lock-version = \"1.0\"\ncreated-by = \"x\"\n{}archive = {{ url = \"{url}#sha256={evil}\", hashes = {{ sha256 = \"{hex}\" }} }}\n",
                package.replace("package", "packages")
            ),
            11,
        ),
        (
            "pdm.lock",
            format!(
                "[metadata]\nlock_version = \"4.5.0\"\n{package}url = \"{git}\"\nfiles = [{{ file = \"{name}\", hash = \"{good}\" }}]\n"
            ),
            11,
        ),
        ("Pipfile.lock", pipenv(&format!("\"file\":\"{url}\"")), 1),
        ("Pipfile.lock", pipenv(&format!("\"file\":\"{git}\"")), 11),
        ("Pipfile.lock", pipenv("\"path\":\"git+https://git.example/nova\""), 1),
        ("Pipfile.lock", pipenv("\"path\":\"evil\""), 1),
        (
            "Pipfile.lock",
            pipenv(&format!("\"version\":\"==1.0\",\"markers\":\"os_name > '' --hash=sha256:{evil}\"")),
            1,
        ),
        ("Pipfile.lock", pipenv(&format!("\"version\":\"==1.0 --hash=sha256:{evil}\"")), 1),
    ] {
        releases.scene.write(kind, text.as_bytes());
        let (ended, _) = releases.verify(&[option(kind), kind]);
        assert_eq!(ended.code, Some(code), "{kind}: {text}: {ended:?}");
    }
}

#[test]
fn entries_without_hashes_and_without_versions() {
    let releases = Releases::new();
    let scene = &releases.scene;
    scene.write("more.txt", b"nova===9.9\n");
    let file = "\
-r more.txt
--index-url https://pypi.org/simple
nova===1.0 ; python_version > '3'  # pinned
nova===1.1
nova>=1
nova @ git+https://git.example/nova
-e ./nova
requests
";
    scene.write("all.txt", file.as_bytes());
    let ended = scene.run("wheeltap", &["verify", "-r", "all.txt"]);
    assert_eq!(ended.code, Some(14), "{ended:?}");
    let expected = "\
version only  all.txt:3  nova 1.0  (pinned by version only; the release is logged, entry 2)
withdrawn     all.txt:4  nova 1.1  (nova-1.1-py3-none-any.whl: withdrawn by entry 6, compromised: the build host was taken over)
no verdict    all.txt:5  nova  (it is not pinned to one version)
no verdict    all.txt:6  nova  (it is built from a repository, which the log does not record)
local         all.txt:7  ./nova  (a directory of this machine)
not covered   all.txt:8  requests  (no log covers it)
";
    let (first, rest) = ended.stdout.split_once('\n').expect("lines");
    assert_eq!(first, "not logged    more.txt:1  nova 9.9  (the log has no nova 9.9)");
    assert_eq!(rest, expected);
    assert!(
        ended.stderr.contains(
            "0 of 7 verified, 1 by version only, 1 not covered, 1 local, 4 FAILED; checked against"
        ),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("an installer may take another file of that version"), "{ended:?}");

    scene.write("pinned.txt", b"nova===1.0\nrequests==1\n");
    let run = |more: &[&str]| scene.run("wheeltap", &[&["verify", "-c", "pinned.txt"], more].concat()).code;
    assert_eq!((run(&[]), run(&["--require-hashes"])), (Some(0), Some(1)));
    let trust = scene.read("trust.toml");
    scene.write("strict.toml", format!("uncovered = \"refuse\"\n{trust}").as_bytes());
    scene.write("pin.toml", format!("uncovered = \"pin\"\n{trust}").as_bytes());
    assert_eq!(run(&["--trust", "strict.toml"]), Some(10));
    assert_eq!(run(&["--trust", "pin.toml"]), Some(10), "nothing pins it");
    // Nobody is asked about projects that the trust file does not ask a log about.
    scene.write("few.toml", format!("{trust}projects = [\"glance\"]\n").as_bytes());
    assert_eq!(run(&["--trust", "few.toml"]), Some(0));

    // Constraints say versions, as pip takes them; one that is open says nothing.
    scene.write("open.txt", b"nova>=0.5\nrequests\n");
    scene.write("upper.txt", b"nova===1.0 ; python_version > '3'\nrequests<3\n");
    let ended = scene.run("wheeltap", &["verify", "-r", "open.txt", "-c", "upper.txt"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("version only  open.txt:1  nova 1.0"), "{ended:?}");
    assert!(ended.stderr.contains("2 by version only, 1 not covered"), "{ended:?}");
    assert_eq!(scene.run("wheeltap", &["verify", "-r", "open.txt"]).code, Some(1));
    scene.write("upper.txt", b"nova===1.1\n");
    assert_eq!(scene.run("wheeltap", &["verify", "-r", "open.txt", "-c", "upper.txt"]).code, Some(14));
    // A project that no log covers needs a hash, too, where hashes are required.
    scene.write("other.txt", b"requests==2.0\n");
    let ended = scene.run("wheeltap", &["verify", "-r", "other.txt", "--require-hashes"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    scene.write("other.txt", format!("requests==2.0 --hash=sha256:{}\n", "0".repeat(64)).as_bytes());
    scene.ok("wheeltap", &["verify", "-r", "other.txt", "--require-hashes"]);

    scene.write("bad.txt", b"nova===1.0 --what\n");
    let ended = scene.run("wheeltap", &["verify", "-r", "bad.txt"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("bad.txt: line 1: the option \"--what\""), "{ended:?}");
}

#[test]
fn several_logs_are_asked_about_their_own_projects() {
    let nova = Releases::new();
    // A log of another organisation, with another key and origin, and a policy of its own.
    let glance = Scene::empty();
    for name in ["root", "team"] {
        glance.ok("wheeltap", &["keygen", &format!("{name}.other"), &format!("{name}.key")]);
    }
    let init = ["init", "--dir", "log", "--origin", "other.example", "--root", "root.key.pub"];
    glance.write("log.pub", glance.ok("wheeltap-log", &init).as_bytes());
    let init = ["policy", "init", "--log-key", "log.pub", "--root", "root.key.pub", "--cover", "*"];
    let publisher = ["--publisher", "team.key.pub", "*", "--out", "policy.json"];
    glance.ok("wheeltap", &[&init[..], &publisher].concat());
    glance.ok("wheeltap", &["policy", "sign", "--key", "root.key", "policy.json"]);
    let server = glance.serve("log");
    glance.trust(&server.url);
    glance.ok("wheeltap", &["policy", "submit", "policy.json"]);
    let append = |project: &str, bytes: &[u8]| {
        let file = glance.write(&format!("dist/{project}-1.0.tar.gz"), bytes);
        let append = ["append", "--key", "team.key", "--project", project, "--version", "1.0", &file];
        glance.ok("wheeltap", &append);
        format!("{project}===1.0 --hash=sha256:{}\n", digest(&[bytes]).to_hex())
    };
    // It may say what it likes about nova: nobody asks it.
    let (glance_line, its_nova) = (append("glance", b"glance"), append("nova", b"its own nova"));

    let scene = &nova.scene;
    let both = format!("{}projects = [\"nova\"]\n{}projects = [\"glance\"]\n", scene.read("trust.toml"), {
        let other = glance.read("trust.toml");
        other[other.find("[[log]]").expect("a section")..].to_owned()
    });
    scene.write("trust.toml", both.as_bytes());
    let nova_line = lock("requirements.txt", "nova", "1.0", &nova.locked());
    scene.write("both.txt", format!("{nova_line}{glance_line}requests==1\n").as_bytes());
    let (ended, json) = nova.verify(&["-r", "both.txt", "--save-proofs", "proofs.json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let words = |json: &Value| -> Vec<String> {
        let entries = json["locks"][0]["entries"].as_array().expect("entries");
        entries.iter().map(|entry| entry["verdict"].as_str().expect("a verdict").to_owned()).collect()
    };
    assert_eq!(words(&json), ["verified", "verified", "not-covered"]);
    let origins: Vec<&Value> =
        json["logs"].as_array().expect("logs").iter().map(|log| &log["origin"]).collect();
    assert_eq!(origins, ["log.example", "other.example"]);
    // Nor about a file that it calls its own, beside a proof.
    let (proof, its) = ("nova-1.0.tar.gz.tlog-proof", b"its own nova");
    scene.write("its/nova-1.0.tar.gz", its);
    std::fs::copy(glance.path(&format!("dist/{proof}")), scene.path(&format!("its/{proof}")))
        .expect("copied");
    assert_eq!(nova.verify(&["--offline", "its/nova-1.0.tar.gz"]).0.code, Some(11));
    scene.write("its.txt", its_nova.as_bytes());
    assert_eq!(nova.verify(&["-r", "its.txt"]).0.code, Some(10), "its nova is not nova");
    assert_eq!(nova.verify(&["-r", "its.txt", "--log", "other.example"]).0.code, Some(0), "nobody is asked");
    // One of the two is away: there is no verdict, and none is made up; saved answers are good.
    server.kill();
    assert_eq!(nova.verify(&["-r", "both.txt"]).0.code, Some(1));
    let (ended, again) = nova.verify(&["-r", "both.txt", "--offline", "--proofs", "proofs.json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(again["locks"], json["locks"]);
}

#[test]
fn directories_and_environments() {
    let releases = Releases::new();
    let scene = &releases.scene;
    std::fs::create_dir(scene.path("dist/deep")).expect("a directory");
    scene.write("dist/deep/README", b"not an artifact");
    let name = "dist/deep/nova-1.0-1-py3-none-any.whl";
    scene.write(name, b"an intruder's bytes");
    let (ended, json) = releases.verify(&["dist"]);
    assert_eq!(ended.code, Some(14), "{ended:?}");
    let verdicts: Vec<(&str, &str)> = json["files"]
        .as_array()
        .expect("files")
        .iter()
        .map(|file| (file["file"].as_str().expect("a path"), file["verdict"].as_str().expect("a verdict")))
        .collect();
    assert_eq!(
        verdicts,
        [
            (name, "not-logged"),
            ("dist/nova-1.0-py3-none-any.whl", "verified"),
            ("dist/nova-1.0.tar.gz", "verified"),
            ("dist/nova-1.1-py3-none-any.whl", "withdrawn"),
            ("dist/nova-1.1.tar.gz", "withdrawn"),
        ]
    );
    // pip takes this one, too; and what is no file is not waited for.
    scene.write("more/nova-99.txz", b"an intruder's bytes");
    let pipe = Command::new("mkfifo").arg(scene.path("more/nova-2.0.tar.gz")).status();
    assert!(pipe.expect("mkfifo runs").success());
    let (ended, json) = releases.verify(&["more"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(json["files"].as_array().map(Vec::len), Some(2), "{ended:?}");
    assert!(ended.stdout.contains("it is no regular file"), "{ended:?}");
    std::fs::create_dir(scene.path("empty")).expect("a directory");
    assert_eq!(releases.verify(&["empty"]).0.code, Some(2));

    let site = "venv/lib/python3.11/site-packages";
    for (version, project) in [("1.0", "nova"), ("2.0", "requests")] {
        let metadata = format!("Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n");
        scene.write(&format!("{site}/{project}-{version}.dist-info/METADATA"), metadata.as_bytes());
    }
    let (ended, json) = releases.verify(&["--environment", "venv"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let entries = &json["locks"][0]["entries"];
    assert_eq!(
        (&entries[0]["verdict"], &entries[1]["verdict"]),
        (&"version-only".into(), &"not-covered".into())
    );
    let reason = entries[0]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("installers do not record what they installed"), "{reason}");
    scene.write(&format!("{site}/nova-1.1.dist-info/METADATA"), b"Name: nova\nVersion: 1.1\n");
    assert_eq!(releases.verify(&["--environment", "venv"]).0.code, Some(14));
    assert_eq!(releases.verify(&["--environment", "empty"]).0.code, Some(1));
}

#[test]
fn saved_proofs_repeat_the_verdicts_and_cannot_be_bent() {
    let mut releases = Releases::new();
    let scene = &releases.scene;
    // Many entries, and one question.
    let mut uv = lock("uv.lock", "nova", "1.0", &releases.locked());
    for number in 0..300 {
        let name = format!("third-{number}");
        let file = format!("third_{number}-1.0.tar.gz");
        let locked = (file.clone(), format!("{FILES}/{file}"), format!("sha256:{}", "a".repeat(64)));
        let entry = lock("uv.lock", &name, "1.0", &[locked]);
        uv.push_str(entry.split_once("\n\n").expect("a package").1);
    }
    scene.write("uv.lock", uv.as_bytes());
    let online = releases.verify(&["--lock", "uv.lock", "--save-proofs", "proofs.json"]);
    assert_eq!(online.0.code, Some(0), "{:?}", online.0);
    assert_eq!(online.1["summary"]["not_covered"], 300, "{}", online.1["summary"]);
    let saved: Value = serde_json::from_str(&scene.read("proofs.json")).expect("JSON");
    let exchanges = saved["logs"][0]["exchanges"].as_array().expect("exchanges");
    assert_eq!(exchanges.len(), 1, "301 entries are one question");
    assert_eq!(exchanges[0]["keys"].as_array().map(Vec::len), Some(301));

    releases.server.take().expect("a server").kill();
    let scene = &releases.scene;
    let offline =
        |proofs: &str, lock: &str| releases.verify(&["--offline", "--proofs", proofs, option(lock), lock]);
    let (ended, again) = offline("proofs.json", "uv.lock");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(again["locks"], online.1["locks"]);
    let text =
        scene.run("wheeltap", &["verify", "--offline", "--proofs", "proofs.json", "--lock", "uv.lock"]);
    assert!(text.stderr.contains("offline against the saved answers"), "{}", text.stderr);
    // The files themselves, too; and without the proofs nothing.
    let files = ["--offline", "--proofs", "proofs.json", "dist/nova-1.0.tar.gz"];
    assert_eq!(releases.verify(&files).0.code, Some(0));
    assert_eq!(releases.verify(&["--lock", "uv.lock"]).0.code, Some(1));
    assert_eq!(releases.verify(&["--offline", "--lock", "uv.lock"]).0.code, Some(2));
    // What was not asked is not proven.
    scene.write("other.txt", b"nova===1.1\n");
    let (ended, json) = offline("proofs.json", "other.txt");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(json["locks"][0]["entries"][0]["verdict"], "no-verdict");
    assert!(ended.stdout.contains("say nothing about nova 1.1"), "{ended:?}");

    let bent = |change: &dyn Fn(&mut Value), codes: &[i32]| {
        let mut proofs = saved.clone();
        change(&mut proofs["logs"][0]);
        scene.write("bent.json", proofs.to_string().as_bytes());
        let (ended, _) = offline("bent.json", "uv.lock");
        let code = ended.code.expect("a code");
        assert!(codes.contains(&code), "{ended:?}");
    };
    let result = |log: &Value, key: &str| {
        let keys = log["exchanges"][0]["keys"].as_array().expect("keys");
        keys.iter().position(|found| found["release"]["project"] == key).expect("it was asked")
    };
    bent(&|_| {}, &[0]);
    // An entry less, none at all, another proof, another question, another checkpoint.
    bent(
        &|log| {
            let at = result(log, "nova");
            log["exchanges"][0]["answer"]["results"][at]["entries"] = json!([]);
        },
        &[11],
    );
    bent(&|log| log["exchanges"][0]["answer"]["entries"][0]["proof"] = json!([]), &[11]);
    bent(
        &|log| {
            let (nova, third) = (result(log, "nova"), result(log, "third-0"));
            log["exchanges"][0]["keys"].as_array_mut().expect("keys").swap(nova, third);
        },
        &[11],
    );
    bent(
        &|log| {
            let checkpoint = log["exchanges"][0]["answer"]["checkpoint"].as_str().expect("a note");
            log["exchanges"][0]["answer"]["checkpoint"] = json!(checkpoint.replacen('\n', "\n1", 1));
        },
        &[11],
    );
    // A key that says it begins later is not whole; one left out was not asked.
    bent(
        &|log| {
            let at = result(log, "nova");
            log["exchanges"][0]["keys"][at]["release"]["from"] = json!(1);
        },
        &[1],
    );
    bent(
        &|log| {
            let at = result(log, "nova");
            log["exchanges"][0]["keys"].as_array_mut().expect("keys").remove(at);
            log["exchanges"][0]["answer"]["results"].as_array_mut().expect("results").remove(at);
        },
        &[1],
    );
    bent(&|log| log["exchanges"] = json!([]), &[1]);
    bent(&|log| log["origin"] = json!("other.example"), &[1]);
    bent(&|log| log["more"] = json!(1), &[11]);
}

#[test]
fn lock_writes_what_pip_takes() {
    let releases = Releases::new();
    let scene = &releases.scene;
    let constraints = "\
# Upper constraints
requests===2.0;python_version>='3.9'
nova===1.0  # ours
";
    scene.write("upper.txt", constraints.as_bytes());
    let mut hashes: Vec<String> =
        releases.good.iter().map(|package| format!("--hash=sha256:{}", package.sha256.to_hex())).collect();
    hashes.sort();
    let pinned = format!(" \\\n    {} \\\n    {}", hashes[0], hashes[1]);
    let expected = constraints.replace("nova===1.0  #", &format!("nova===1.0{pinned}  #"));
    assert_eq!(scene.ok("wheeltap", &["lock", "-c", "upper.txt"]), expected);
    // What it wrote it writes again, and verifies.
    scene.ok("wheeltap", &["lock", "-c", "upper.txt", "-o", "locked.txt"]);
    assert_eq!(scene.ok("wheeltap", &["lock", "-c", "locked.txt"]), expected);
    scene.ok("wheeltap", &["verify", "-c", "locked.txt"]);
    // Requirements get the versions of the constraints.
    scene.write("requirements.txt", b"requests\nNova[api]>=1 ; python_version > '3'\n");
    let locked = scene.ok("wheeltap", &["lock", "-c", "upper.txt", "-r", "requirements.txt"]);
    assert_eq!(locked, format!("requests\nNova[api]===1.0 ; python_version > '3'{pinned}\n"));
    for (line, code, says) in [
        ("nova===9.9", 10, "the log has no such release; choose a version that is logged"),
        ("nova===1.1", 14, "withdrawn by entry 6"),
        ("nova>=1", 1, "not pinned"),
        ("nova @ https://files.example/nova-1.0.tar.gz", 1, "not from an index"),
        ("nova===1.0 --hash=sha512:00", 11, "it has the hash sha512"),
    ] {
        scene.write("bad.txt", format!("requests\n{line}\n").as_bytes());
        let ended = scene.run("wheeltap", &["lock", "-c", "bad.txt", "-o", "never.txt"]);
        assert_eq!(ended.code, Some(code), "{line}: {ended:?}");
        assert!(ended.stderr.contains("bad.txt:2: ") && ended.stderr.contains(says), "{ended:?}");
        assert!(!scene.path("never.txt").exists(), "{line}");
    }
    scene.write("bad.txt", b"nova>=2");
    let ended = scene.run("wheeltap", &["lock", "-r", "bad.txt", "-c", "upper.txt"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");

    // A URL alone may be of a project that is covered.
    for (line, code) in [
        ("https://evil.example/nova-99.tar.gz", 1),
        ("https://evil.example/main.zip", 1),
        ("git+https://git.example/nova", 1),
        ("https://files.example/requests-2.0.tar.gz", 0),
        ("./nova", 0),
    ] {
        scene.write("url.txt", format!("{line}\n").as_bytes());
        assert_eq!(scene.run("wheeltap", &["lock", "-r", "url.txt"]).code, Some(code), "{line}");
    }
    if missing("pip", has("pip", "--version")) {
        return;
    }
    scene.write("ours.txt", b"nova===1.0\n");
    scene.ok("wheeltap", &["lock", "-c", "ours.txt", "-o", "ours.locked.txt"]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let project = ProjectName::parse("nova").expect("a name");
    let index = runtime
        .block_on(OfflineIndex::start(vec![(project.clone(), releases.good.clone())]))
        .expect("an index");
    let install = |target: &str| {
        let mut pip = Command::new("pip");
        pip.args(["install", "--isolated", "--no-cache-dir", "--disable-pip-version-check", "--no-deps"]);
        pip.args([
            "--require-hashes",
            "-r",
            "ours.locked.txt",
            "--index-url",
            &index.url(),
            "--target",
            target,
        ]);
        for name in ["PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"] {
            pip.env_remove(name);
        }
        Ended::from(pip.current_dir(scene.path("")).output().expect("pip runs"))
    };
    let ended = install("good");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(scene.path("good/nova.py").exists());
    // An index that was taken over has other bytes under the same names.
    let mut evil = packages("1.0");
    for package in &mut evil {
        package.bytes.extend(b"evil");
        package.sha256 = digest(&[&package.bytes]);
    }
    index.add(project, evil);
    let ended = install("evil");
    assert_ne!(ended.code, Some(0), "{ended:?}");
}
