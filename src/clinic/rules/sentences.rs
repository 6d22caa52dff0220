//! What results say, in one place: a stable code for programs, and the wording in Italian and English.
//!
//! Codes never change their meaning; a wording may be improved. Numbers stand beside the sentences, in the results.
//! Sentences say what was measured and what it is called. None says what somebody has, or what is to be done: the strongest
//! words are "to be considered" and "to be discussed".

/// Declares the sentences: code, Italian, English.
macro_rules! sentences {
    ($($name:ident = $code:literal, $italian:literal, $english:literal;)+) => {
        /// Something that a result says.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
        )]
        pub enum Sentence {
            $(#[doc = $english] #[serde(rename = $code)] $name,)+
        }

        impl Sentence {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Stable word for programs.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// For people who read Italian.
            pub const fn italian(self) -> &'static str {
                match self { $(Self::$name => $italian,)+ }
            }

            /// For people who read English.
            pub const fn english(self) -> &'static str {
                match self { $(Self::$name => $english,)+ }
            }
        }

        $crate::stored::described!(Sentence as ClinicSentence [$($code),+]);
    };
}

sentences! {
    SupportsClinicians = "general.supports_clinicians",
        "Questo risultato assiste il medico e non è una diagnosi.",
        "This result supports the clinician and is not a diagnosis.";

    SemenNormozoospermia = "semen.normozoospermia",
        "Numero, motilità progressiva e forme normali raggiungono i limiti di riferimento (normozoospermia).",
        "Number, progressive motility and normal forms reach the reference limits (normozoospermia).";
    SemenNumberLow = "semen.number_low",
        "Il numero di spermatozoi è inferiore al limite di riferimento.",
        "The number of spermatozoa is below the reference limit.";
    SemenConcentrationLow = "semen.concentration_low",
        "La concentrazione è inferiore al limite di riferimento, il numero totale no.",
        "The concentration is below the reference limit, the total number is not.";
    SemenSevereOligozoospermia = "semen.severe_oligozoospermia",
        "Meno di 5 milioni per mL: sono da considerare accertamenti genetici.",
        "Fewer than 5 million per mL: genetic tests are to be considered.";
    SemenProgressiveLow = "semen.progressive_low",
        "La motilità progressiva è inferiore al limite di riferimento.",
        "Progressive motility is below the reference limit.";
    SemenMotilityLow = "semen.motility_low",
        "La motilità totale è inferiore al limite di riferimento.",
        "Total motility is below the reference limit.";
    SemenFormsLow = "semen.forms_low",
        "Le forme normali sono inferiori al limite di riferimento.",
        "Normal forms are below the reference limit.";
    SemenVitalityLow = "semen.vitality_low",
        "La vitalità è inferiore al limite di riferimento.",
        "Vitality is below the reference limit.";
    SemenAzoospermia = "semen.azoospermia",
        "Nessuno spermatozoo, nemmeno nel sedimento dopo centrifugazione (azoospermia).",
        "No spermatozoa, not in the pellet after centrifugation either (azoospermia).";
    SemenLowAcidAzoospermia = "semen.low_acid_azoospermia",
        "Azoospermia con volume e pH bassi: è da considerare un'ostruzione o l'assenza dei dotti deferenti.",
        "Azoospermia with low volume and low pH: obstruction or absence of the vasa deferentia is to be considered.";
    SemenCryptozoospermia = "semen.cryptozoospermia",
        "Spermatozoi solo nel sedimento dopo centrifugazione (criptozoospermia).",
        "Spermatozoa only in the pellet after centrifugation (cryptozoospermia).";
    SemenNoneInFresh = "semen.none_in_fresh",
        "Nessuno spermatozoo a fresco; senza il sedimento non si distingue l'azoospermia dalla criptozoospermia.",
        "No spermatozoa in the fresh preparation; without the pellet, azoospermia cannot be told from cryptozoospermia.";
    SemenNecrozoospermia = "semen.necrozoospermia",
        "Pochi spermatozoi vivi e pochi mobili (necrozoospermia).",
        "Few spermatozoa are alive and few move (necrozoospermia).";
    SemenAspermia = "semen.aspermia",
        "Nessun eiaculato (aspermia).",
        "No ejaculate (aspermia).";
    SemenHypospermia = "semen.hypospermia",
        "Il volume è inferiore al limite di riferimento (ipospermia); verificare che la raccolta sia completa.",
        "The volume is below the reference limit (hypospermia); check that the collection was complete.";
    SemenLeukospermia = "semen.leukospermia",
        "Leucociti pari o superiori a un milione per mL (leucospermia).",
        "Leukocytes at or above one million per mL (leukospermia).";
    SemenAcid = "semen.acid",
        "Il pH non è superiore a 7,2.",
        "The pH is not above 7.2.";
    SemenSlowLiquefaction = "semen.slow_liquefaction",
        "La liquefazione richiede più di 60 minuti.",
        "Liquefaction takes more than 60 minutes.";
    SemenOneSample = "semen.one_sample",
        "Un solo campione dice poco: i valori variano molto da un eiaculato all'altro.",
        "One sample says little: values vary much from one ejaculate to the next.";
    SemenNotFertility = "semen.not_fertility",
        "I limiti sono quinti percentili di uomini fertili: non separano fertili e infertili.",
        "The limits are fifth centiles of fertile men: they do not separate fertile from infertile men.";
    SemenAbstinenceOutside = "semen.abstinence_outside",
        "L'astinenza non è da 2 a 7 giorni: i valori non sono pienamente confrontabili.",
        "Abstinence is not 2 to 7 days: the values cannot be fully compared.";
    SemenAbstinenceUnknown = "semen.abstinence_unknown",
        "I giorni di astinenza non sono indicati.",
        "The days of abstinence are not given.";

    OocyteMature = "oocyte.mature",
        "Ovocita maturo (metafase II).",
        "Mature oocyte (metaphase II).";
    OocyteMetaphaseOne = "oocyte.metaphase_one",
        "Ovocita in metafase I: può ancora maturare.",
        "Oocyte in metaphase I: it may still mature.";
    OocyteGerminalVesicle = "oocyte.germinal_vesicle",
        "Ovocita immaturo (vescicola germinale).",
        "Immature oocyte (germinal vesicle).";
    OocyteGiant = "oocyte.giant",
        "Ovocita gigante: secondo il consenso di Istanbul non si usa.",
        "Giant oocyte: by the Istanbul consensus it is not used.";
    OocyteZona = "oocyte.zona",
        "La zona pellucida devia dall'aspetto abituale.",
        "The zona pellucida deviates from the usual look.";
    OocytePerivitelline = "oocyte.perivitelline",
        "Lo spazio perivitellino devia dall'aspetto abituale.",
        "The perivitelline space deviates from the usual look.";
    OocytePolarBody = "oocyte.polar_body",
        "Il primo globulo polare è frammentato o grande.",
        "The first polar body is fragmented or large.";
    OocyteCytoplasm = "oocyte.cytoplasm",
        "Il citoplasma devia dall'aspetto abituale.",
        "The cytoplasm deviates from the usual look.";
    OocyteVacuole = "oocyte.vacuole",
        "Vacuolo di più di 14 µm: associato a mancata fecondazione.",
        "Vacuole of more than 14 µm: associated with failed fertilisation.";
    OocyteReticulum = "oocyte.reticulum",
        "Aggregati di reticolo endoplasmatico liscio: l'uso è da discutere caso per caso.",
        "Aggregates of smooth endoplasmic reticulum: use is to be discussed case by case.";
    OocyteCompactCumulus = "oocyte.compact_cumulus",
        "Il cumulo è compatto.",
        "The cumulus is compact.";
    OocyteLooksOnly = "oocyte.looks_only",
        "La morfologia predice poco; non dice nulla dei cromosomi.",
        "Morphology predicts little; it says nothing about chromosomes.";

    EmbryoExcellent = "embryo.excellent",
        "Classe di qualità A, eccellente.",
        "Quality class A, excellent.";
    EmbryoGood = "embryo.good",
        "Classe di qualità B, buona.",
        "Quality class B, good.";
    EmbryoFair = "embryo.fair",
        "Classe di qualità C, discreta.",
        "Quality class C, fair.";
    EmbryoPoor = "embryo.poor",
        "Classe di qualità D, scarsa.",
        "Quality class D, poor.";
    EmbryoFewCells = "embryo.few_cells",
        "Meno cellule di quelle attese per il giorno.",
        "Fewer cells than expected on that day.";
    EmbryoManyCells = "embryo.many_cells",
        "Più cellule di quelle attese per il giorno.",
        "More cells than expected on that day.";
    EmbryoFragments = "embryo.fragments",
        "Frammentazione grave: più del 25 %.",
        "Severe fragmentation: more than 25 %.";
    EmbryoUneven = "embryo.uneven",
        "Le dimensioni delle cellule non corrispondono allo stadio.",
        "The sizes of the cells do not belong to the stage.";
    EmbryoMultinucleated = "embryo.multinucleated",
        "Multinucleazione.",
        "Multinucleation.";
    EmbryoSeeAgain = "embryo.see_again",
        "Blastocisti iniziale: troppo presto per le lettere, da rivalutare.",
        "Early blastocyst: too early for letters, to be looked at again.";
    EmbryoLooksOnly = "embryo.looks_only",
        "La morfologia non dice nulla dei cromosomi; classi inferiori hanno dato bambini sani.",
        "Morphology says nothing about chromosomes; lower classes have led to healthy children.";
    EmbryoHours = "embryo.hours",
        "Il giorno conta ore fisse dall'inseminazione; un'osservazione ad altra ora sposta il grado.",
        "The day counts fixed hours after insemination; an observation at another hour shifts the grade.";

    FollicleLow = "follicle.low",
        "Meno di 5 follicoli antrali: risposta attesa bassa.",
        "Fewer than 5 antral follicles: low response expected.";
    FollicleBorderline = "follicle.borderline",
        "5 o 6 follicoli antrali: nella fascia che i criteri di Bologna lasciano aperta.",
        "5 or 6 antral follicles: in the range that the Bologna criteria leave open.";
    FollicleNormal = "follicle.normal",
        "Da 7 a 24 follicoli antrali: risposta attesa normale.",
        "7 to 24 antral follicles: normal response expected.";
    FollicleHigh = "follicle.high",
        "Più di 24 follicoli antrali: risposta attesa alta, rischio di iperstimolazione da considerare.",
        "More than 24 antral follicles: high response expected, risk of hyperstimulation to be considered.";
    FolliclePolycystic = "follicle.polycystic",
        "Morfologia policistica di almeno un ovaio; da sola non è una sindrome.",
        "Polycystic morphology of at least one ovary; alone it is no syndrome.";
    FollicleNoneLeads = "follicle.none_leads",
        "Nessun follicolo dominante.",
        "No dominant follicle.";
    FollicleGrowing = "follicle.growing",
        "Un follicolo di almeno 10 mm cresce.",
        "A follicle of at least 10 mm is growing.";
    FollicleMature = "follicle.mature",
        "Il follicolo maggiore misura da 16 a 22 mm.",
        "The largest follicle measures 16 to 22 mm.";
    FollicleLarge = "follicle.large",
        "Il follicolo maggiore supera 22 mm.",
        "The largest follicle is above 22 mm.";
    FollicleCystic = "follicle.cystic",
        "Formazione di più di 30 mm: non più un follicolo fisiologico, da rivalutare.",
        "Structure of more than 30 mm: no longer a physiological follicle, to be looked at again.";
    FollicleHighResponse = "follicle.high_response",
        "Più di 18 follicoli di almeno 11 mm: risposta alta alla stimolazione.",
        "More than 18 follicles of at least 11 mm: high response to stimulation.";
    FollicleObserver = "follicle.observer",
        "La conta dipende da chi osserva, dalla sonda e dal ciclo.",
        "The count depends on the observer, the probe and the cycle.";
    FollicleWithoutHormone = "follicle.without_hormone",
        "La categoria guarda solo i follicoli, non l'ormone antimülleriano né l'età.",
        "The category looks at follicles only, not at anti-Müllerian hormone or age.";
    FollicleOtherDay = "follicle.other_day",
        "La conta non è dei giorni da 2 a 4 del ciclo: i limiti valgono con riserva.",
        "The count is not from days 2 to 4 of the cycle: the limits hold with reserve.";
    FollicleDayUnknown = "follicle.day_unknown",
        "Il giorno del ciclo non è indicato.",
        "The day of the cycle is not given.";

    HysteroscopyNormal = "hysteroscopy.normal",
        "Cavità vista per intero e descritta, senza reperti.",
        "The cavity was seen whole and described, nothing was found.";
    HysteroscopyAtLeastMinor = "hysteroscopy.at_least_minor",
        "I reperti sono almeno lievi: ciò che manca nella descrizione può solo aggravarli.",
        "The findings are at least minor: what the description lacks can only make them heavier.";
    HysteroscopyAtLeastModerate = "hysteroscopy.at_least_moderate",
        "I reperti sono almeno moderati: ciò che manca nella descrizione può solo aggravarli.",
        "The findings are at least moderate: what the description lacks can only make them heavier.";
    HysteroscopyPolyp = "hysteroscopy.polyp",
        "Polipo endometriale.",
        "Endometrial polyp.";
    HysteroscopyMyomaInside = "hysteroscopy.myoma_inside",
        "Mioma sottomucoso (FIGO da 0 a 2).",
        "Submucous myoma (FIGO 0 to 2).";
    HysteroscopyMyomaOutside = "hysteroscopy.myoma_outside",
        "Mioma che non sporge nella cavità (FIGO da 3 a 8).",
        "Myoma that does not protrude into the cavity (FIGO 3 to 8).";
    HysteroscopyAdhesions = "hysteroscopy.adhesions",
        "Sinechie intrauterine.",
        "Intrauterine adhesions.";
    HysteroscopySeptum = "hysteroscopy.septum",
        "Indentazione del fondo uterino.",
        "Indentation of the uterine fundus.";
    HysteroscopyDeep = "hysteroscopy.deep",
        "Indentazione di più di 15 mm: la profondità di un setto secondo ASRM 2016; l'angolo non è noto.",
        "Indentation of more than 15 mm: the depth of a septum by ASRM 2016; its angle is not known.";
    HysteroscopyHyperplasia = "hysteroscopy.hyperplasia",
        "Aspetto sospetto per iperplasia: decide l'istologia.",
        "Look suspicious of hyperplasia: histology decides.";
    HysteroscopyAtrophy = "hysteroscopy.atrophy",
        "Endometrio di aspetto atrofico.",
        "The endometrium looks atrophic.";
    HysteroscopyEndometritis = "hysteroscopy.endometritis",
        "Segni suggestivi di endometrite cronica: decide l'istologia.",
        "Signs suggestive of chronic endometritis: histology decides.";
    HysteroscopyBiopsy = "hysteroscopy.biopsy",
        "È da considerare una biopsia.",
        "A biopsy is to be considered.";
    HysteroscopyObserver = "hysteroscopy.observer",
        "Il livello è una convenzione di questo software e dipende dalla descrizione del chirurgo.",
        "The level is a convention of this software and depends on the surgeon's description.";
    HysteroscopyOuterContour = "hysteroscopy.outer_contour",
        "Senza il profilo esterno un setto non si distingue da un utero bicorporeo.",
        "Without the outer contour, a septum cannot be told from a bicorporeal uterus.";

    ScoreAmhCritical = "score.amh_critical",
        "Ormone antimülleriano inferiore a 0,5 ng/mL.",
        "Anti-Müllerian hormone below 0.5 ng/mL.";
    ScoreSpermCritical = "score.sperm_critical",
        "Meno di 5 milioni di spermatozoi per mL.",
        "Fewer than 5 million spermatozoa per mL.";
    ScoreNoSperm = "score.no_sperm",
        "Non è stato contato nessuno spermatozoo.",
        "No spermatozoa were counted.";
    ScoreTubesBlocked = "score.tubes_blocked",
        "Entrambe le tube risultano chiuse.",
        "Both tubes are found blocked.";
    ScoreHydrosalpinx = "score.hydrosalpinx",
        "Idrosalpinge: riduce l'impianto, il trattamento è da discutere prima di un transfer.",
        "Hydrosalpinx: it lowers implantation, treatment is to be discussed before a transfer.";
    ScoreSevereEndometriosis = "score.severe_endometriosis",
        "Endometriosi grave (stadio IV).",
        "Severe endometriosis (stage IV).";
    ScoreNoOvulation = "score.no_ovulation",
        "Ovulazione assente.",
        "No ovulation.";
    ScoreAmhPositive = "score.amh_positive",
        "Ormone antimülleriano superiore a 2,0 ng/mL.",
        "Anti-Müllerian hormone above 2.0 ng/mL.";
    ScoreSpermPositive = "score.sperm_positive",
        "Più di 20 milioni di spermatozoi per mL.",
        "More than 20 million spermatozoa per mL.";
    ScoreRegularOvulation = "score.regular_ovulation",
        "Ovulazione regolare.",
        "Regular ovulation.";
    ScoreTubesOpen = "score.tubes_open",
        "Entrambe le tube risultano aperte.",
        "Both tubes are found open.";
    ScoreCavityFree = "score.cavity_free",
        "Cavità uterina senza reperti.",
        "Uterine cavity without findings.";
    AdviseMale = "advice.male",
        "È da discutere una valutazione andrologica.",
        "An andrological evaluation is to be discussed.";
    AdviseFemale = "advice.female",
        "È da discutere una valutazione ginecologica senza attese.",
        "A gynaecological evaluation without delay is to be discussed.";
    AdviseOvarian = "advice.ovarian",
        "È da discutere la riserva ovarica prima di pianificare.",
        "Ovarian reserve is to be discussed before planning.";
    AdviseLowAmh = "advice.low_amh",
        "Ormone antimülleriano inferiore a 1,0 ng/mL: i tempi sono da discutere.",
        "Anti-Müllerian hormone below 1.0 ng/mL: timing is to be discussed.";
    AdviseTubal = "advice.tubal",
        "Sono da discutere le conseguenze dello stato delle tube.",
        "The consequences of the state of the tubes are to be discussed.";
    AdviseUterine = "advice.uterine",
        "Sono da discutere i reperti uterini prima di un transfer.",
        "Uterine findings are to be discussed before a transfer.";
    AdvisePolyp = "advice.polyp",
        "È da discutere il polipo endometriale trovato in isteroscopia.",
        "The endometrial polyp found by hysteroscopy is to be discussed.";
    AdviseMyoma = "advice.myoma",
        "È da discutere il mioma sottomucoso (FIGO da 0 a 2), che deforma la cavità.",
        "The submucous myoma (FIGO 0 to 2), which distorts the cavity, is to be discussed.";
    AdviseAdhesions = "advice.adhesions",
        "Sono da discutere le sinechie intrauterine.",
        "The intrauterine adhesions are to be discussed.";
    AdviseSeptum = "advice.septum",
        "È da discutere l'indentazione del fondo, da distinguere fra setto e utero bicorporeo.",
        "The indentation of the fundus is to be discussed: a septum or a bicorporeal uterus.";
    AdviseHormonal = "advice.hormonal",
        "È da discutere una valutazione endocrinologica.",
        "An endocrinological evaluation is to be discussed.";
    AdviseGenetic = "advice.genetic",
        "È da discutere una consulenza genetica.",
        "Genetic counselling is to be discussed.";
    AdviseLifestyle = "advice.lifestyle",
        "Sono da discutere peso, fumo e alcol.",
        "Weight, smoking and alcohol are to be discussed.";
    AdviseMoreData = "advice.more_data",
        "Mancano molti valori: il punteggio è da ricalcolare quando saranno disponibili.",
        "Many values are missing: the score is to be computed again when they are there.";
    AdviseFollowUp = "advice.follow_up",
        "È da concordare un controllo.",
        "A follow-up is to be agreed.";
    ScoreConvention = "score.convention",
        "Il punteggio è una convenzione di questo software: riassume valori e non è validato su esiti.",
        "The score is a convention of this software: it sums values up and is not validated against outcomes.";
    ScoreNotProbability = "score.not_probability",
        "Il punteggio non è una probabilità di gravidanza.",
        "The score is not a probability of pregnancy.";
    ScoreLowCoverage = "score.low_coverage",
        "I valori coprono meno della metà dei pesi: il punteggio dice poco.",
        "The values cover less than half of the weights: the score says little.";
    ScoreOldValues = "score.old_values",
        "Valori di più di due anni non sono stati usati.",
        "Values of more than two years were not used.";
    ScoreUndatedValues = "score.undated_values",
        "Valori senza data non sono stati usati: non si sa se siano recenti.",
        "Values without a day were not used: nobody knows how old they are.";
    ScoreUnconfirmedValues = "score.unconfirmed_values",
        "Valori di documenti che nominano un'altra persona non sono usati finché qualcuno non conferma di chi sono.",
        "Values of documents that name somebody else are not used until somebody confirms whose they are.";

    DocumentOfAnother = "document.of_another",
        "Il documento nomina un'altra persona: i suoi valori non contano finché qualcuno non conferma di chi è.",
        "The document names somebody else: its values do not count until somebody confirms whose it is.";
    DocumentConfirmed = "document.confirmed",
        "Il documento nomina un'altra persona; è stato confermato che è di questa paziente o di questo paziente.",
        "The document names somebody else; it was confirmed that it is this patient's.";
    DocumentValueLow = "document.value_low",
        "Il valore è sotto l'intervallo stampato nel referto.",
        "The value lies below the range that the report prints.";
    DocumentValueHigh = "document.value_high",
        "Il valore è sopra l'intervallo stampato nel referto.",
        "The value lies above the range that the report prints.";
    DocumentSignContradicts = "document.sign_contradicts",
        "L'intervallo e il segno del laboratorio si contraddicono: è da guardare il referto.",
        "The range and the laboratory's own sign contradict each other: the report is to be looked at.";
    DocumentAnotherValue = "document.another_value",
        "Nello stesso giorno è stampato anche un altro valore: è stato letto il primo.",
        "Another value is printed for the same day: the first one was read.";
    DocumentNotUnderstood = "document.not_understood",
        "Il nome è stampato, il valore o la sua unità non sono stati compresi.",
        "The name is printed, its value or unit was not understood.";
    DocumentUncorroborated = "document.uncorroborated",
        "Due letture dell'immagine non dicono lo stesso: il valore è da leggere nel documento.",
        "Two readings of the picture do not say the same: the value is to be read in the document.";
    DocumentBeforeBirth = "document.before_birth",
        "Il valore è di un giorno precedente alla nascita: non è stato preso.",
        "The value is of a day before the birth: it was left out.";
    DocumentOtherSex = "document.other_sex",
        "È un esame dell'altro sesso e non è stato preso: appartiene alla cartella del partner.",
        "This is an examination of the other sex and was left out: it belongs into the partner's record.";
    DocumentFoundPositive = "document.found_positive",
        "Il referto riporta un esito non negativo.",
        "The report states a finding that is not negative.";
    DocumentKaryotypeOfOtherSex = "document.karyotype_of_other_sex",
        "Il cariotipo non è quello del sesso registrato: è da verificare di chi è, e da discutere con un genetista.",
        "The karyotype is not that of the recorded sex: whose it is is to be checked, and a geneticist to be asked.";
    DocumentPageUnread = "document.page_unread",
        "Una pagina non è stata letta.",
        "A page was not read.";
    DocumentFromPicture = "document.from_picture",
        "Il testo è stato letto da un'immagine: le cifre possono essere sbagliate.",
        "The text was read from a picture: digits may be wrong.";
    DocumentNothingNamed = "document.nothing_named",
        "Nel testo non è nominato alcun esame conosciuto.",
        "No known examination is named in the text.";
    DocumentGraded = "document.graded",
        "I valori sono stati confrontati con i limiti di riferimento: si veda l'analisi.",
        "The values were compared with the reference limits: see the analysis.";
    DocumentDescribed = "document.described",
        "Ovociti, embrioni o isteroscopia descritti nel documento sono stati classificati: si veda l'analisi.",
        "Oocytes, embryos or a hysteroscopy described in the document were graded: see the analysis.";
    DocumentDescriptionUnread = "document.description_unread",
        "Una descrizione di ovociti, embrioni o isteroscopia non è stata compresa.",
        "A description of oocytes, embryos or a hysteroscopy was not understood.";
    DocumentGradingRefused = "document.grading_refused",
        "I valori si contraddicono e non sono stati valutati insieme.",
        "The values contradict each other and were not assessed together.";
    DocumentGradingUndated = "document.grading_undated",
        "Senza la data dell'esame i valori non sono stati valutati insieme.",
        "Without the day of the examination the values were not assessed together.";
    DocumentOnlyText = "document.only_text",
        "È stato letto il testo, non l'immagine; fa fede il documento.",
        "The text was read, not the picture; the document itself is authoritative.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use utoipa::PartialSchema as _;

    use super::Sentence;

    #[test]
    fn every_sentence_has_a_code_of_its_own_and_both_languages() {
        let codes: BTreeSet<_> = Sentence::ALL.iter().map(|it| it.code()).collect();
        assert_eq!(codes.len(), Sentence::ALL.len());
        for it in Sentence::ALL {
            assert!(it.code().chars().all(|c| c.is_ascii_lowercase() || "._".contains(c)), "{}", it.code());
            for text in [it.italian(), it.english()] {
                assert!(text.ends_with('.') && text.chars().count() <= 120, "{text}");
            }
            assert_ne!(it.italian(), it.english());
        }
    }

    #[test]
    fn sentences_are_stored_and_described_by_their_codes() {
        let schema = serde_json::to_value(Sentence::schema()).unwrap();
        let sent: Vec<_> = Sentence::ALL.iter().map(|it| serde_json::to_value(it).unwrap()).collect();
        assert_eq!(schema["enum"], serde_json::json!(sent));
        for (it, sent) in Sentence::ALL.iter().zip(sent) {
            assert_eq!(serde_json::from_value::<Sentence>(sent).unwrap(), *it);
        }
    }

    #[test]
    fn no_sentence_diagnoses_or_orders() {
        for it in Sentence::ALL {
            let text = it.english().to_lowercase();
            for word in ["must", "you have", "suffers", "diagnosed", "infertile.", "sterile", "should"] {
                assert!(!text.contains(word), "{}: {word}", it.code());
            }
        }
    }
}
