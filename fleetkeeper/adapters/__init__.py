"""The vendors: boto3, kubernetes, sqlmodel and tenacity appear only here, and their types and errors stop here."""
