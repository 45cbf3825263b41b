//! The examples on the help pages. Tests run every line that starts with `multigrade`.

pub(super) const TOP: &str = "\
Examples:
  multigrade demo
  multigrade fit engine.csv --target thrust --out engine
  multigrade predict engine.safetensors new.csv

`multigrade COMMAND --help` explains the options of a command and shows examples.
Exit status: 0 done, 1 ran but what was asked for was not reached, 2 could not run.";

pub(super) const DEMO: &str = "\
Examples:
  multigrade demo
  multigrade demo --out engine-demo --time-limit 5

It learns a jet engine from a table, then builds a network from a formula and proves how
close it is. It writes models, HTML reports, a certificate and the tables to try other
commands on, and overwrites what an earlier demo wrote to the same folder.
JSON keys: files, source, stop, interrupted, refit, outputs, grades, baselines, test, notes,
warnings, formula; that is as of construct, and checked.
Exit status: 0 done, 1 interrupted (what was found so far is written), 2 could not run.";

pub(super) const FIT: &str = "\
Examples:
  multigrade fit engine.csv --target thrust --out engine
  multigrade fit engine.csv --target thrust,sfc --features mach,altitude --out two
  multigrade fit engine.csv --target sfc --validation new.csv --seed 7 --out three
  multigrade fit engine.csv --target thrust --grade 32,32:tanh --grade 64:sin --out four
  multigrade fit engine.csv --target thrust --ignore sfc --solver adam --epochs 50 --out five
  multigrade fit engine.csv --target thrust --features mach --solver convex --out six
  multigrade fit --function 'sin(6*x)' --domain x=0..1 --tol 0.05 --out sine --project
  multigrade fit engine.csv --continue four --grade 16:tanh --out seven

Beside MODEL.safetensors it writes MODEL.html, a report, and MODEL.run.json, how it ran; of
a formula also MODEL.certificate.json, the proof, for multigrade check.
JSON keys: files, source, stop, interrupted, refit, outputs, grades, baselines, notes,
warnings; of a formula those of certify, and projected, training, advice, files.
Exit status: 0 done, 1 interrupted or not proved (the best is written), 2 could not run.";

pub(super) const PREDICT: &str = "\
Examples:
  multigrade predict model.safetensors new.csv
  multigrade predict model.safetensors new.csv --keep mach,throttle --out predicted.csv
  multigrade predict model.safetensors new.csv --staged

Rows are read, answered and written block by block: a table of any length takes the same memory.
A classifier writes the label and P(label) of every class.
Columns are matched by name; in a table without header, with just the inputs, by place.
Exit status: 0 done, 2 could not run.";

pub(super) const EVALUATE: &str = "\
Examples:
  multigrade evaluate model.safetensors engine.csv
  multigrade evaluate model.safetensors engine.csv --grades 1 --json
  multigrade evaluate model.safetensors engine.csv --max-rmse 1e6

JSON keys: rows, outputs; in each output name, target_spread, grades; in each of these
grade, l1, l2, linf, r2. For classes: rows, target, classes, grades (grade, accuracy,
log_loss, brier), confusion, calibration.
Exit status: 0 done, 1 not within --max-rmse or --min-accuracy, 2 could not run.";

pub(super) const INSPECT: &str = "\
Examples:
  multigrade inspect model.safetensors
  multigrade inspect model.safetensors --json

--verify DATA recomputes the proofs of convex grades from the table of the fit.
JSON keys: file, bytes, schema, parameters, grades, history, settings; with --verify proofs,
in each of these grade, holds, line, problem.
Exit status: 0 done, 1 a proof does not hold or there is none, 2 could not run.";

pub(super) const TRUNCATE: &str = "\
Examples:
  multigrade truncate model.safetensors --grades 1 --out smaller

Exit status: 0 done, 2 could not run.";

pub(super) const REPORT: &str = "\
Examples:
  multigrade report model.safetensors engine.csv --out again.html
  multigrade report model.safetensors engine.csv --json

Beside MODEL.safetensors it writes MODEL.html. Which rows were held out is worked out
again from the settings kept in the model.
JSON keys: title, source, inputs, outputs, grades, baselines, spectra, settings, notes,
warnings, versions.
Exit status: 0 done, 2 could not run.";

pub(super) const CONSTRUCT: &str = "\
Examples:
  multigrade construct x^2 --domain x=0..1 --tol 1e-3 --out parabola
  multigrade construct exp(x) --domain x=0..1 --tol 1e-2 --one-sided above --out above
  multigrade construct x*y --domain x=0..1,y=0..1 --tol 1e-4 --strategy compile --out product

Beside NAME.safetensors it writes NAME.certificate.json, which check proves again, the report
NAME.html and NAME.run.json. Every grade is proved; no training, no randomness.
JSON keys: function, domain, output, sides, tolerance, reached, stop, points, size, grades,
scheme, one_sided, files.
Exit status: 0 done, the tolerance is proved; 1 interrupted or not reached, the best so far is
written, 2 could not run.";

pub(super) const CERTIFY: &str = "\
Examples:
  multigrade certify wave.safetensors --function 'sin(3*x)+y^2' --domain x=0..1,y=0..1
  multigrade certify wave -f 'sin(3*x)+y^2' -d x=0..0.5,y=0..1 --tol 0.9 --out half.json

It proves lower <= f - f_k <= upper for every point of the box and the network f_k after each
grade, in exact arithmetic and as computed in f64 and f32, and writes the certificate and a report.
A measured error is no proof: it is the largest found by looking for it, shown beside.
Of a classifier, --output names a logit, such as kind=oak; nothing is said of probabilities.
JSON keys: function, domain, output, sides, tolerance, reached, stop, points, size, grades,
boxes, worst_box, certificate, html.
Exit status: 0 done, 1 interrupted, no bound, or none within --tol (the best bound found is
written), 2 could not run.";

pub(super) const CHECK: &str = "\
Examples:
  multigrade check square.certificate.json square.safetensors
  multigrade check square.certificate.json square.safetensors --json

Nothing in the certificate is believed: every bound is computed anew, and only the part of the
program that does so is trusted. Printed bounds are rounded up.
JSON keys: certificate, model, proved, reason or statement; in this function, domain, bounds.
Exit status: 0 done, proved; 1 not proved, altered or about another model, 2 could not run.";
pub(super) const EXPORT: &str = "\
Examples:
  multigrade export model.safetensors --format onnx
  multigrade export model.safetensors --format onnx --precision f64 --out exact.onnx
  multigrade export model.safetensors --format onnx --staged --out staged.onnx
  multigrade export square --format onnx --certificate square.certificate.json --out square.onnx

An ONNX file has the input x (n, d) and the output y (n, m) in the units of the table; with
--staged also grade_1, grade_2, ...  Names of the columns stand in its metadata. It makes the
model's operations, so a certificate's bounds hold for it in every runtime that computes in its
precision.
Exit status: 0 done, 2 could not run.";

pub(super) const REPRODUCE: &str = "\
Examples:
  multigrade reproduce list
  multigrade reproduce list --json

`multigrade reproduce all` runs everything in small; a name runs one experiment. Each
writes NAME-quick.json (every run with its settings), .csv and .html to the folder. Runs
that are already there are not made again, so what was interrupted goes on.
JSON keys: experiments; in each of these name, title, scale, records, report.
Exit status: 0 done, 1 interrupted (what was found so far is written), 2 could not run.";

pub(super) const COMPLETIONS: &str = "\
Examples:
  multigrade completions bash

Exit status: 0 done, 2 could not run.";
