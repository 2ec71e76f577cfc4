def model(dbt, session):
    from wanderbricks_ml.lifecycle.fitting import fit_when_due

    return fit_when_due(
        session,
        examples=dbt.ref("conversion_examples"),
        decision=dbt.ref("conversion_retraining"),
        settings=dbt.config.get("meta"),
        versions=session.table(str(dbt.this)) if dbt.is_incremental else None,
    )
