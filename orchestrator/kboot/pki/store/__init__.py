"""The folder `pki/`: makes keys and certificates, keeps and renews them."""
