"""The store on SQLModel tables: SQLite for one process, PostgreSQL for many."""
