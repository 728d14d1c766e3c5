"""Fixed words of the report templates that the layouts imitate.

Standing criteria and scales come from the catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping

PARTS: Mapping[str, str] = {"struktur": "STRUKTUR", "process": "PROCESS"}
LEVELS: Mapping[str, str] = {"F": "Föreskrift", "R": "Allmänna råd", "K": "Kvalitetsindikator"}
DUTY = (
    "Den vårdgivare som tar emot läkare för specialiseringstjänstgöring ska ansvara för att det finns "
    "förutsättningar för att genomföra sådan tjänstgöring av hög och jämn kvalitet."
)
WITHOUT_DUTY = frozenset("BEGH")  # areas whose criteria the template prints without that sentence
MEANS = ("Vilket, enligt SPUR-modellen, innebär att:", "Vilket enligt SPUR-modellen innebär att:")
SCALE = "Gradering"
TITLE = "EXTERN KVALITETSGRANSKNING av specialiseringstjänstgöring"
OLDER_TITLE = "SPUR-granskning av ST-utbildningen"
# Inspectors have no names in the corpus; these cannot be mistaken for anybody's.
INSPECTORS = (
    "Inspektör Ett Exempelsson och Inspektör Två Exempelsson",
    "Alva Påhittsdotter och Nils Fiktivus",
    "Ida Låtsander och Olle Påhittström",
)
# A printing slip that real reports have: the scale's B line of areas without råd cut short.
SHORT_B = "Socialstyrelsens föreskrifter."
SPELLINGS = (("sidoutbildning", "sidutbildning"),)

REGRADED = (
    "Vid granskningen framkom brister i följsamheten till Socialstyrelsens föreskrifter. Enheten har "
    "därefter lämnat in en handlingsplan. Graderingen är ändrad till {after}.",
    "Föreskrifterna följdes inte i alla delar vid besöket. En åtgärdsplan har inkommit och godtagits, "
    "varför graderingen ändras från {before} till {after}.",
    "Brister har påvisats mot föreskrifterna (gradering {before}). Efter inkommen handlingsplan ändras "
    "graderingen till {after}.",
)
CHANGED = ("Efter inkommen handlingsplan är graderingen ändrad till {after}.",)
KEPT = (
    "Handlingsplan har begärts men inte inkommit. Gradering {after} kvarstår.",
    "Inkommen handlingsplan bedöms inte tillräcklig, gradering {after} kvarstår.",
)
STATED = ("Området graderas {grade}.", "Sammantaget ges gradering {grade}.")

PLAN_INTRO = (
    "Enheten har efter granskningen lämnat följande handlingsplan för de föreskrifter som inte uppfylldes.",
    "Nedan redovisas planerade åtgärder för varje föreskrift som vid granskningen inte var uppfylld.",
)
NOT_MET = ("Uppfylls inte: {wording}", "Föreskriften följs inte: {wording}", "Brist: {wording}")
MONTHS = (
    "januari",
    "februari",
    "mars",
    "april",
    "maj",
    "juni",
    "juli",
    "augusti",
    "september",
    "oktober",
    "november",
    "december",
)
