"""The least that lists a site: a script with SQLAlchemy that reads its rows and prints them. Its argument is BPO's URL."""

import sys

import sqlalchemy as sa

engine = sa.create_engine(sys.argv[1])
with engine.connect() as connection:
    statement = sa.text('SELECT * FROM "CustomerListing" WHERE "SiteDescription" = \'Durban\' ORDER BY "CustomerCode"')
    for row in connection.execute(statement):
        print(*row, sep="\t")
