"""AWS: accounts, regions and EKS clusters through boto3."""
