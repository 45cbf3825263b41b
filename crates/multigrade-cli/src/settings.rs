//! From the options of `multigrade fit` to the settings of the library.

use multigrade::convex::dense::{DensePenalty, DenseSettings};
use multigrade::convex::{Choice, ConvexSettings, Penalty};
use multigrade::{
    Descent, FitSettings, Generator, Grades, InitKey, Initialisation, Keep, Multigrade, ReadoutRule, Schedule, Solver,
};

use crate::args::{
    BatchArg, ClassArg, ConvexArgs, FitArgs, GeneratorArg, GradesArg, InitArg, PenaltyArg, ReadoutArg, SolverArg,
    TrainingArgs, ValidationArg,
};
use crate::failure::Failure;

/// Iterations of L-BFGS when none are named: those of the automatic choice on small tables.
const ITERATIONS: u32 = 500;
/// Iterations of Levenberg-Marquardt.
const LEVENBERG_ITERATIONS: u32 = 100;

/// Points of a path of penalties and its smallest ratio.
const PATH: (usize, f64) = (40, 1e-5);

/// Share of the training rows that the rule `held-out` chooses on: the rows held out from the fit only measure.
const INNER_SHARE: f64 = 0.2;

/// Parts of the cross-validation by blocks.
const FOLDS: usize = 5;

impl FitArgs {
    /// The settings that were typed; what was not typed keeps its default.
    pub(crate) fn settings(&self) -> Result<FitSettings, Failure> {
        let (shape, training, method) = (&self.shape, &self.training, &self.method);
        let mut first_solvers = self.solvers()?;
        let solver = first_solvers.pop();
        Ok(FitSettings {
            grades: self.grades()?,
            validation: match self.validation {
                ValidationArg::Share(share) => share,
                // None of the rows to learn from are held out.
                ValidationArg::File(_) => 0.0,
            },
            refit: match (training.refit, training.no_refit) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            },
            first_solvers,
            solver,
            activation: shape.activation,
            weight_decay: shape.weight_decay,
            branches: shape.branches,
            readout: match method.readout {
                ReadoutArg::LeastSquares => ReadoutRule::LeastSquares,
                ReadoutArg::AsTrained => ReadoutRule::AsTrained,
            },
            keep: if method.keep_last { Keep::Last } else { Keep::Best },
            standardise_data: !method.no_standardise_data,
            rescale: !method.no_rescale,
            standardise_features: !method.no_standardise,
            carry_inputs: !method.no_carry,
            single_grade: shape.single_grade,
            initialisation: match method.init {
                InitArg::ScaledNormal => Initialisation::ScaledNormal,
                InitArg::FanInUniform => Initialisation::FanInUniform,
                InitArg::He => Initialisation::He,
            },
            init_key: if method.same_init { InitKey::Same } else { InitKey::PerGrade },
            generator: match method.generator {
                GeneratorArg::Xoshiro256 => Generator::Xoshiro256,
                GeneratorArg::Mersenne => Generator::Mersenne,
            },
            precision: training.precision.into(),
            seed: self.seed,
            memory: self.memory(),
            time_limit: self.time_limit.seconds,
        })
    }

    /// The settings of a fit that goes on from a model: those of the model, but for the number of grades and the time.
    pub(crate) fn continued(&self, model: &Multigrade) -> Result<FitSettings, Failure> {
        if let ValidationArg::Share(share) = self.validation
            && share != FitSettings::default().validation
        {
            return Err(
                "--validation: the share of held-out rows is that of the model that --continue names; leave it out"
                    .to_owned()
                    .into(),
            );
        }
        let settings = serde_json::from_value::<FitSettings>(model.settings().clone()).map_err(|_| {
            "--continue: the model holds no settings of a fit (was it constructed from a formula?); only fitted models go on"
                .to_owned()
        })?;
        let grades = match (&settings.grades, self.shape.grade.is_empty(), self.shape.grades, self.shape.max_grades) {
            (Grades::List(list), false, ..) => Grades::List([&list[..], &self.shape.grade].concat()),
            (Grades::List(list), true, Some(_), _) | (Grades::List(list), true, _, Some(_)) => {
                let count = list.len();
                return Err(format!(
                    "--continue: the model was fitted with a list of {count} grades; name each further grade with --grade"
                )
                .into());
            }
            (_, false, ..) => {
                return Err("--continue: the model was fitted with a number of grades, not a list; use --grades N"
                    .to_owned()
                    .into());
            }
            (grades, true, None, None) => grades.clone(),
            _ => self.grades()?,
        };
        Ok(FitSettings { grades, memory: self.memory(), time_limit: self.time_limit.seconds, ..settings })
    }

    /// In bytes.
    fn memory(&self) -> usize {
        (self.memory as usize).saturating_mul(1 << 20)
    }

    fn grades(&self) -> Result<Grades, Failure> {
        let shape = &self.shape;
        match (shape.grades, shape.max_grades) {
            _ if !shape.grade.is_empty() => Ok(Grades::List(shape.grade.clone())),
            (Some(GradesArg::Count(_)), Some(_)) => {
                Err("--max-grades belongs to --grades auto; leave one of the two numbers out".to_string().into())
            }
            (Some(GradesArg::Count(count)), None) => Ok(Grades::Count(count)),
            (_, Some(at_most)) => Ok(Grades::Auto { at_most }),
            _ => Ok(FitSettings::default().grades),
        }
    }
}

impl FitArgs {
    /// The solvers that were named, in turn.
    fn solvers(&self) -> Result<Vec<Solver>, Failure> {
        let (training, convex) = (&self.training, &self.convex);
        training.check()?;
        for (option, is_given) in [
            ("penalty", convex.penalty.is_some()),
            ("gap", convex.gap.is_some()),
            ("convex-class", convex.convex_class.is_some()),
        ] {
            if is_given && !training.solver.contains(&SolverArg::Convex) {
                return Err(format!("--{option} belongs to --solver convex; name it too").into());
            }
        }
        let solver = |solver: &SolverArg| -> Result<Solver, Failure> {
            Ok(match solver {
                SolverArg::Lbfgs => Solver::Lbfgs { iterations: training.iterations.unwrap_or(ITERATIONS) },
                SolverArg::Lm => {
                    Solver::LevenbergMarquardt { iterations: training.iterations.unwrap_or(LEVENBERG_ITERATIONS) }
                }
                SolverArg::Adam => Solver::Adam(training.descent()),
                SolverArg::Gd => Solver::GradientDescent(training.descent()),
                SolverArg::Random => Solver::RandomFeatures,
                SolverArg::Convex => convex.solver(self)?,
            })
        };
        training.solver.iter().map(solver).collect()
    }
}

impl ConvexArgs {
    fn solver(&self, args: &FitArgs) -> Result<Solver, Failure> {
        if self.convex_class != Some(ClassArg::Dense) {
            return Ok(Solver::Convex(self.settings(args)));
        }
        let default = DenseSettings::default();
        let (penalty, choose_penalty) = match self.penalty {
            None | Some(PenaltyArg::HeldOut) => (default.penalty, true),
            Some(PenaltyArg::Relative(share)) => (DensePenalty::OfLargest(share), false),
            Some(PenaltyArg::Absolute(penalty)) => (DensePenalty::Absolute(penalty), false),
            Some(_) => {
                return Err(
                    "--convex-class dense knows --penalty held-out (the default), relative:X or a number; the other \
                            rules are for --convex-class one-input"
                        .to_string()
                        .into(),
                );
            }
        };
        let tolerance = self.gap.unwrap_or(default.tolerance);
        let settings = DenseSettings { penalty, tolerance, seed: args.seed, ..default };
        Ok(Solver::ConvexDense { settings, choose_penalty })
    }

    fn settings(&self, args: &FitArgs) -> ConvexSettings {
        let default = ConvexSettings::default();
        let (points, min_ratio) = PATH;
        let path = |choice: Choice| Penalty::Path { points, min_ratio, choice };
        let penalty = self.penalty.map(|rule| match rule {
            PenaltyArg::Gcv => path(Choice::Gcv),
            PenaltyArg::HeldOut => path(Choice::HeldOut { share: INNER_SHARE, seed: args.seed }),
            PenaltyArg::Blocks(block) => path(Choice::BlockCv { folds: FOLDS, block }),
            PenaltyArg::Noise(noise) => path(Choice::Discrepancy { noise }),
            PenaltyArg::Neurons(budget) => path(Choice::Neurons(budget)),
            PenaltyArg::Relative(share) => Penalty::OfLargest(share),
            PenaltyArg::Absolute(penalty) => Penalty::Absolute(penalty),
        });
        ConvexSettings {
            penalty: penalty.unwrap_or(default.penalty.clone()),
            tolerance: self.gap.unwrap_or(default.tolerance),
            ..default
        }
    }
}

impl TrainingArgs {
    /// Refuses options of solvers that were not named.
    fn check(&self) -> Result<(), Failure> {
        let walks = self.solver.iter().any(|solver| matches!(solver, SolverArg::Adam | SolverArg::Gd));
        for (option, is_given) in [
            ("epochs", self.epochs.is_some()),
            ("batch", self.batch.is_some()),
            ("rate", self.rate.is_some()),
            ("schedule", self.schedule.is_some()),
            ("patience", self.patience.is_some()),
        ] {
            if is_given && !walks {
                return Err(format!("--{option} belongs to --solver adam or --solver gd; name one of them").into());
            }
        }
        let iterates = self.solver.iter().any(|s| matches!(s, SolverArg::Lbfgs | SolverArg::Lm));
        if self.iterations.is_some() && !iterates {
            return Err("--iterations belongs to --solver lbfgs or --solver lm; name one of them".to_string().into());
        }
        Ok(())
    }

    fn descent(&self) -> Descent {
        let default = Descent::default();
        Descent {
            epochs: self.epochs.unwrap_or(default.epochs),
            batch: match self.batch {
                Some(BatchArg::All) => None,
                Some(BatchArg::Rows(rows)) => Some(rows),
                None => default.batch,
            },
            rate: self.rate.unwrap_or(default.rate),
            schedule: self.schedule.unwrap_or(Schedule::Constant),
            patience: self.patience,
        }
    }
}
