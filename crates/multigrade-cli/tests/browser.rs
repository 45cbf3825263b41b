//! Reports in a real browser: charts are drawn, nothing complains, nothing is fetched, a phone shows all of it, and dark mode is
//! dark. Needs Chromium or Chrome; without one the test says so and checks nothing.

mod place;

use std::process::Command;

use place::{Place, QUICK, smooth};
use serde_json::Value;

/// Where to look for a browser; a path in the variable `MULTIGRADE_BROWSER` comes first.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// A page that shows `report.html` on a phone's width and writes down what it sees.
const PROBE: &str = r#"<!doctype html><meta charset="utf-8">
<body><iframe id="frame" src="report.html" style="width:400px;height:3000px;border:0"></iframe><pre id="out"></pre><script>
addEventListener("load", () => {
  const view = document.getElementById("frame").contentWindow, page = view.document;
  const hasText = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
  const sizes = [...page.body.querySelectorAll("*")].filter(e => hasText(e) && !e.closest("svg, style"))
    .map(e => parseFloat(view.getComputedStyle(e).fontSize));
  const style = view.getComputedStyle(page.body);
  document.getElementById("out").textContent = JSON.stringify({
    title: page.title,
    width: page.documentElement.scrollWidth,
    charts: [...page.querySelectorAll("figure svg")].map(s => s.getBoundingClientRect()).map(b => [b.width, b.height]),
    shapes: page.querySelectorAll("figure svg path, figure svg circle, figure svg rect, figure svg polyline").length,
    smallest: Math.min(...sizes),
    background: style.backgroundColor, color: style.color,
    fetched: view.performance.getEntriesByType("resource").map(e => e.name),
  });
});
</script>"#;

fn browser() -> Option<String> {
    let named = std::env::var("MULTIGRADE_BROWSER").ok();
    let all = named.iter().map(String::as_str).chain(BROWSERS);
    let answers =
        |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|answer| answer.status.success());
    all.into_iter().find(answers).map(str::to_owned)
}

/// What the probe sees, and the messages of the page's console.
fn seen(browser: &str, place: &Place, is_dark: bool) -> (Value, Vec<String>) {
    place.write("probe.html", PROBE);
    let profile = place.path("profile");
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--allow-file-access-from-files",
            "--enable-logging=stderr",
        ])
        .args(["--disable-dev-shm-usage", "--virtual-time-budget=5000", "--dump-dom"])
        .arg(format!("--blink-settings=preferredColorScheme={}", if is_dark { 0 } else { 1 }))
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", place.path("probe.html").display()))
        .output()
        .unwrap();
    let page = String::from_utf8_lossy(&output.stdout).into_owned();
    let out = page.split_once(r#"id="out">"#).and_then(|(_, rest)| rest.split_once('<')).map(|(text, _)| text);
    let text =
        out.unwrap_or_else(|| panic!("{output:?}")).replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let console = log.lines().filter(|line| line.contains(":CONSOLE")).map(str::to_owned).collect();
    (serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")), console)
}

/// Lightness of a colour such as `rgb(20, 24, 29)`, from 0 to 255.
fn lightness(color: &Value) -> f64 {
    let numbers = color.as_str().unwrap().trim_start_matches("rgba(").trim_start_matches("rgb(").trim_end_matches(')');
    numbers.split(',').take(3).map(|part| part.trim().parse::<f64>().unwrap()).sum::<f64>() / 3.0
}

#[test]
fn reports_are_drawn_quiet_and_readable_on_a_phone_by_day_and_night() {
    let Some(browser) = browser() else {
        eprintln!("not tested: no browser ({}) was found, and MULTIGRADE_BROWSER names none", BROWSERS.join(", "));
        return;
    };
    let place = Place::new();
    place.write("t.csv", smooth(60));
    place.run(&[&["fit", "t.csv", "--target", "z", "--out", "fit"], &QUICK[..]].concat()).expect_status(0);
    let build = ["construct", "sin(3*x)*y", "--domain", "x=0..1,y=0..1", "--tol", "0.05", "--out", "built", "--quiet"];
    place.run(&build).expect_status(0);
    let kinds: String =
        (0..60).map(|i| format!("{},{},{}\n", i % 8, i / 8, if i % 8 > i / 8 { "up" } else { "down" })).collect();
    place.write("c.csv", "x,y,kind\n".to_owned() + &kinds);
    place.run(&[&["fit", "c.csv", "--target", "kind", "--out", "classes"], &QUICK[..]].concat()).expect_status(0);
    for name in ["fit", "built", "classes"] {
        place.write("report.html", place.read(&format!("{name}.html")));
        for is_dark in [false, true] {
            let (seen, console) = seen(&browser, &place, is_dark);
            let charts = seen["charts"].as_array().unwrap();
            assert!(!charts.is_empty(), "{name}: {seen}");
            for chart in charts {
                let [width, height] = [0, 1].map(|i| chart[i].as_f64().unwrap());
                assert!(width > 5.0 && width <= 400.0 && height > 5.0, "{name}: {seen}");
            }
            assert!(seen["shapes"].as_u64().unwrap() > charts.len() as u64, "{name}: {seen}");
            assert!(seen["title"].as_str().unwrap().contains("multigrade"), "{name}: {seen}");
            assert!(seen["width"].as_f64().unwrap() <= 400.0, "{name}: it has to be moved sideways: {seen}");
            assert!(seen["smallest"].as_f64().unwrap() >= 12.0, "{name}: {seen}");
            assert_eq!(seen["fetched"], Value::Array(Vec::new()), "{name}");
            assert!(console.is_empty(), "{name}: {console:?}");
            let contrast = lightness(&seen["color"]) - lightness(&seen["background"]);
            assert!(if is_dark { contrast > 150.0 } else { contrast < -150.0 }, "{name}: {seen}");
        }
    }
}
