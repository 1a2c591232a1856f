"""The policy table as it is delivered: what each law demands, with its source. Editable in the admin."""

from django.db import migrations

ALL = ("individual", "sole_trader", "corporate")
PEOPLE = ("individual", "sole_trader")
EMAIL, PHONE, MESSAGING, POST = ("email",), ("phone",), ("messaging",), ("post",)
ELECTRONIC = ("email", "messaging")

# country, subscriber types, channels, mode, double opt-in, legal source
RULES = [
    ("EU", ALL, ELECTRONIC, "soft_opt_in", False,
     "Directive 2002/58/EC Art. 13(1)-(2); Art. 13(5) leaves legal persons to member states: strictest kept"),
    ("EU", ALL, PHONE, "opt_in", False,
     "Directive 2002/58/EC Art. 13(3): member states choose opt-in or opt-out; strictest kept"),
    ("EU", ALL, POST, "opt_out", False, "GDPR Art. 6(1)(f), recital 47; objection under Art. 21(2)-(3)"),
    ("DE", ALL, ELECTRONIC, "soft_opt_in", False,
     "UWG section 7(2) no. 2 and 7(3), businesses included; double opt-in is proof, not duty (BGH I ZR 164/09)"),
    ("DE", ALL, PHONE, "opt_in", False,
     "UWG section 7(2) no. 1; presumed consent of businesses is not relied upon"),
    ("DE", ALL, POST, "opt_out", False, "UWG section 7(1); GDPR Art. 21(2)-(3)"),
    ("AT", ALL, ELECTRONIC, "soft_opt_in", True,
     "TKG 2021 section 174(3)-(4); double opt-in: DSB-D130.073/0008-DSB/2019 (GDPR Art. 32)"),
    ("AT", ALL, PHONE, "opt_in", False, "TKG 2021 section 174(1)"),
    ("AT", ALL, POST, "opt_out", False, "GDPR Art. 6(1)(f), 21(2)-(3)"),
    ("FR", PEOPLE, ELECTRONIC, "soft_opt_in", False, "CPCE Art. L34-5"),
    ("FR", ("corporate",), EMAIL, "opt_out", False,
     "CPCE Art. L34-5; CNIL on prospection by e-mail to professionals: informed and free to object"),
    ("FR", ("corporate",), MESSAGING, "soft_opt_in", False, "CPCE Art. L34-5"),
    ("FR", ALL, PHONE, "opt_in", False, "Code de la consommation Art. L223-1; strictest kept for businesses"),
    ("FR", ALL, POST, "opt_out", False, "GDPR Art. 6(1)(f), 21(2)-(3)"),
    ("UK", PEOPLE, ELECTRONIC, "soft_opt_in", False,
     "PECR 2003 reg. 22(2)-(3); sole traders are individual subscribers (reg. 2(1))"),
    ("UK", ("corporate",), ELECTRONIC, "opt_out", False,
     "PECR 2003 reg. 22(1) covers individual subscribers only; reg. 23; UK GDPR Art. 21(2)-(3)"),
    ("UK", ALL, PHONE, "opt_out", False, "PECR 2003 reg. 21 and 26 (TPS and CTPS are to be screened)"),
    ("UK", ALL, POST, "opt_out", False, "UK GDPR Art. 6(1)(f), 21(2)-(3)"),
    ("CH", ALL, ELECTRONIC, "soft_opt_in", False, "UWG (SR 241) Art. 3(1)(o); FMG Art. 45a"),
    ("CH", ALL, PHONE, "opt_out", False, "UWG (SR 241) Art. 3(1)(u)"),
    ("CH", ALL, POST, "opt_out", False, "FADP (SR 235.1) Art. 30(2)(b)"),
    ("US", ALL, EMAIL, "opt_out", False, "CAN-SPAM Act, 15 U.S.C. 7704(a)(3)-(5)"),
    ("US", ALL, MESSAGING, "opt_in", False, "TCPA, 47 U.S.C. 227(b)(1)(A); 47 CFR 64.1200(a)(2)"),
    ("US", ALL, PHONE, "opt_out", False,
     "16 CFR 310.4(b)(1)(iii) and 47 CFR 64.1200(c)(2): live calls; the Do Not Call registry is to be screened"),
    ("US", ALL, POST, "opt_out", False, "39 U.S.C. 3008 (prohibitory orders)"),
    ("CA", ALL, ELECTRONIC, "soft_opt_in", False, "CASL (S.C. 2010, c. 23) s. 6, 10(1), 10(9)-(10)"),
    ("CA", ALL, PHONE, "opt_out", False, "Telecommunications Act s. 41; CRTC Unsolicited Telecommunications Rules"),
    ("IN", ALL, ELECTRONIC + PHONE + POST, "opt_in", False,
     "DPDP Act 2023 s. 5-7: no general legitimate interest; TCCCPR 2018 for calls and messages"),
    ("AU", ALL, ELECTRONIC, "soft_opt_in", False, "Spam Act 2003 s. 16 and Schedule 2"),
    ("AU", ALL, PHONE, "opt_out", False, "Do Not Call Register Act 2006 s. 11"),
    ("NZ", ALL, ELECTRONIC, "soft_opt_in", False, "Unsolicited Electronic Messages Act 2007 s. 4 and 9"),
    ("SG", PEOPLE, EMAIL, "opt_in", False, "PDPA 2012 s. 13; Spam Control Act 2007 s. 11"),
    ("SG", ("corporate",), EMAIL, "opt_out", False, "Spam Control Act 2007 s. 11; PDPA 2012 s. 4(5)"),
    ("SG", ALL, MESSAGING + PHONE, "opt_in", False, "PDPA 2012 s. 43 (Do Not Call)"),
    ("BR", ALL, ELECTRONIC + PHONE, "opt_in", False, "LGPD (Lei 13.709/2018) Art. 7 I and 8; strictest kept"),
]  # fmt: skip


def add_rows(apps, schema_editor):
    policy = apps.get_model("compliance", "ConsentPolicy")
    policy.objects.using(schema_editor.connection.alias).bulk_create(
        policy(
            country=country,
            subscriber_type=subscriber_type,
            channel=channel,
            mode=mode,
            double_opt_in=double_opt_in,
            legal_source=legal_source,
        )
        for country, types, channels, mode, double_opt_in, legal_source in RULES
        for subscriber_type in types
        for channel in channels
    )


class Migration(migrations.Migration):
    dependencies = [("compliance", "0202_consent_guard")]

    operations = [migrations.RunPython(add_rows, migrations.RunPython.noop)]
