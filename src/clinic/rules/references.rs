//! What the rules rest on, in one place: a stable code for programs and the citation for people.

/// Declares the references: code and citation.
macro_rules! references {
    ($($name:ident = $code:literal, $citation:literal;)+) => {
        /// Something published that a rule rests on.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
        )]
        pub enum Reference {
            $(#[doc = $citation] #[serde(rename = $code)] $name,)+
        }

        impl Reference {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Stable word for programs.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// As it is cited.
            pub const fn citation(self) -> &'static str {
                match self { $(Self::$name => $citation,)+ }
            }
        }

        $crate::stored::described!(Reference as ClinicReference [$($code),+]);
    };
}

references! {
    Who2021 = "who_2021",
        "World Health Organization. WHO laboratory manual for the examination and processing of human semen, 6th edition. \
         Geneva 2021; table 8.3 (fifth centiles and their 95 % confidence intervals) and section 2.4";
    Who2010 = "who_2010",
        "World Health Organization. WHO laboratory manual for the examination and processing of human semen, 5th edition. \
         Geneva 2010; appendix 1 (nomenclature), which the 6th edition does not repeat";
    Campbell2021 = "campbell_2021",
        "Campbell MJ et al. Distribution of semen examination results 2020: a follow up of data collated for the WHO semen \
         analysis manual 2010. Andrology 2021;9:817-822";
    EauSexual = "eau_sexual_reproductive_health",
        "European Association of Urology. Guidelines on sexual and reproductive health, chapter on male infertility (below 5 \
         million per mL: severe oligozoospermia, genetic testing)";
    Istanbul2011 = "istanbul_2011",
        "Alpha Scientists in Reproductive Medicine and ESHRE SIG Embryology. The Istanbul consensus workshop on embryo \
         assessment. Hum Reprod 2011;26:1270-1283";
    Istanbul2025 = "istanbul_2025",
        "Working Group on the update of the ESHRE/ALPHA Istanbul Consensus. The Istanbul consensus update: a revised \
         ESHRE/ALPHA consensus on oocyte and embryo static and dynamic morphological assessment. Hum Reprod 2025;40:989-1035";
    Gardner1999 = "gardner_1999",
        "Gardner DK, Schoolcraft WB. In vitro culture of human blastocysts. In: Jansen R, Mortimer D (eds). Toward \
         reproductive certainty. Parthenon, 1999; 378-388";
    Bologna2011 = "bologna_2011",
        "Ferraretti AP et al. ESHRE consensus on the definition of poor response to ovarian stimulation for in vitro \
         fertilization: the Bologna criteria. Hum Reprod 2011;26:1616-1624";
    Poseidon2016 = "poseidon_2016",
        "Poseidon Group (Alviggi C et al). A new more detailed stratification of low responders to ovarian stimulation. \
         Fertil Steril 2016;105:1452-1453";
    Humaidan2010 = "humaidan_2010",
        "Humaidan P et al. Preventing ovarian hyperstimulation syndrome: guidance for the clinician. Fertil Steril \
         2010;94:389-400 (more than 24 antral follicles in both ovaries combined)";
    EshreStimulation = "eshre_ovarian_stimulation",
        "ESHRE guideline group on ovarian stimulation. ESHRE guideline: ovarian stimulation for IVF/ICSI. Hum Reprod Open \
         2020;hoaa009 (high response: more than 18 follicles of 11 mm or more)";
    Broekmans2010 = "broekmans_2010",
        "Broekmans FJ et al. The antral follicle count: practical recommendations for better standardization. Fertil Steril \
         2010;94:1044-1051 (2 to 10 mm, cycle days 2 to 4)";
    Baerwald2012 = "baerwald_2012",
        "Baerwald AR et al. Ovarian antral folliculogenesis during the human menstrual cycle: a review. Hum Reprod Update \
         2012;18:73-91 (selection at about 10 mm)";
    Levine2010 = "levine_2010",
        "Levine D et al. Management of asymptomatic ovarian and other adnexal cysts imaged at US: Society of Radiologists in \
         Ultrasound consensus. Radiology 2010;256:943-954 (simple, up to 30 mm: physiological)";
    Pcos2023 = "pcos_2023",
        "Teede HJ et al. Recommendations from the 2023 international evidence-based guideline for the assessment and \
         management of polycystic ovary syndrome. Eur J Endocrinol 2023;189:G43-G64";
    FigoMyoma = "figo_myoma",
        "Munro MG et al. The two FIGO systems for normal and abnormal uterine bleeding symptoms and classification of causes \
         of abnormal uterine bleeding: 2018 revisions. Int J Gynaecol Obstet 2018;143:393-408";
    Afs1988 = "afs_1988",
        "The American Fertility Society classifications of adnexal adhesions, distal tubal occlusion, tubal pregnancies, \
         müllerian anomalies and intrauterine adhesions. Fertil Steril 1988;49:944-955";
    AaglEsge2017 = "aagl_esge_2017",
        "AAGL practice report: practice guidelines on intrauterine adhesions developed in collaboration with the European \
         Society of Gynaecological Endoscopy. Gynecol Surg 2017;14:6 (with the grades of the European Society of Hysteroscopy)";
    EshreEsge2013 = "eshre_esge_2013",
        "Grimbizis GF et al. The ESHRE/ESGE consensus on the classification of female genital tract congenital anomalies. Hum \
         Reprod 2013;28:2032-2044";
    AsrmSeptum2016 = "asrm_septum_2016",
        "Practice Committee of the American Society for Reproductive Medicine. Uterine septum: a guideline. Fertil Steril \
         2016;106:530-540 (septate: deeper than 1.5 cm, with an angle below 90 degrees)";
    AaglPolyps2012 = "aagl_polyps_2012",
        "AAGL practice report: practice guidelines for the diagnosis and management of endometrial polyps. J Minim Invasive \
         Gynecol 2012;19:3-10";
    Cicinelli2019 = "cicinelli_2019",
        "Cicinelli E et al. Unified diagnostic criteria for chronic endometritis at fluid hysteroscopy. Fertil Steril \
         2019;112:162-173";
    Acog589 = "acog_589",
        "ACOG Committee on Gynecologic Practice and ASRM Practice Committee. Committee opinion 589: female age-related \
         fertility decline. 2014, reaffirmed 2022";
    FigoBleeding2018 = "figo_bleeding_2018",
        "Munro MG et al. The two FIGO systems for normal and abnormal uterine bleeding, 2018 revisions (cycles of 24 to 38 \
         days; amenorrhoea after 90). Int J Gynaecol Obstet 2018;143:393-408";
    Rasrm1997 = "rasrm_1997",
        "Revised American Society for Reproductive Medicine classification of endometriosis: 1996. Fertil Steril \
         1997;67:817-821";
    Camus1999 = "camus_1999",
        "Camus E et al. Pregnancy rates after in-vitro fertilization in cases of tubal infertility with and without \
         hydrosalpinx: a meta-analysis. Hum Reprod 1999;14:1243-1249";
    Holden2018 = "holden_2018",
        "Holden EC et al. Thicker endometrial linings are associated with better IVF outcomes: a cohort of 6331 women. Hum \
         Fertil 2018;21:288-293 (7 mm and less; 11 mm and more)";
    NiceCg156 = "nice_cg156",
        "National Institute for Health and Care Excellence. Fertility problems: assessment and treatment. Clinical guideline \
         156, 2013, updated 2017 (body mass index from 19 to 30; smoking)";
    Augood1998 = "augood_1998",
        "Augood C et al. Smoking and female infertility: a systematic review and meta-analysis. Hum Reprod 1998;13:1532-1539";
    Fan2017 = "fan_2017",
        "Fan D et al. Female alcohol consumption and fecundability: a systematic review and dose-response meta-analysis. Sci \
         Rep 2017;7:13815 (12.5 g a day and more)";
    ThisSoftware = "this_software",
        "A convention of this software, written down where it is computed; nothing was published for it";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Reference;

    #[test]
    fn every_reference_has_a_code_of_its_own_and_is_stored_by_it() {
        let codes: BTreeSet<_> = Reference::ALL.iter().map(|it| it.code()).collect();
        assert_eq!(codes.len(), Reference::ALL.len());
        for it in Reference::ALL {
            assert_eq!(serde_json::to_value(it).unwrap(), it.code());
            assert!(!it.citation().contains("  "), "{}", it.code());
        }
    }
}
